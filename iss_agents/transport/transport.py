"""The way in which Faust is given the corrected consumer."""

from faust.transport.drivers import aiokafka as driver

from iss_agents.transport.consumer import ListConsumer


class Transport(driver.Transport):
    """Faust's Kafka transport with the corrected consumer."""

    Consumer = ListConsumer
