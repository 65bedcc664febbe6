"""Faust's consumer, corrected and made cheap: one event is the list of records of one partition from one fetch.

Faust's cost is per message and not per byte (measured: 365 us against 9 us a reading), and Faust 0.15.3 passes
messages over and lets commits stand still when partitions move (measured on Apache Kafka 4.1). So topics that
agents read are delivered here in lists, and these rules hold for them:

- Delivery goes by the next expected offset of each partition. An older record has been delivered; a later one
  means that records were fetched and dropped, and the consumer seeks back. The expectation moves only when a
  list has reached its agent.
- The commit is the end of the longest run of finished lists. A list that was delivered before partitions moved
  counts no more, however late its acknowledgement comes.
- What is finished is committed before partitions are given up.
- A full buffer holds back its own topic, never the others.

Changelog topics keep Faust's delivery, message by message: they are compacted, so their offsets have gaps. Of
many changes of a key that are read at once only the newest is delivered.
"""
