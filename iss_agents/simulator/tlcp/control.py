"""Control requests: what a client asks of an open session."""

from collections.abc import Callable, Iterable

from iss_agents.simulator.tlcp.fanout import Broadcast
from iss_agents.simulator.tlcp.session import LOOP, Session
from iss_agents.simulator.tlcp.sessions import Sessions
from iss_agents.simulator.tlcp.subscription import Subscription, read_frequency
from iss_agents.simulator.tlcp.wire import Parameters, ProtocolError
from iss_agents.simulator.updates import FIELDS
from iss_agents.telemetry.catalog import items


class Controls:
    """Executes control requests; every refusal is a ProtocolError with a code of appendix B."""

    def __init__(self, sessions: Sessions, broadcast: Broadcast) -> None:
        self._sessions = sessions
        self._broadcast = broadcast
        self._operations: dict[str, Callable[[Session, Parameters], None]] = {
            "add": self._subscribe,
            "delete": self._unsubscribe,
            "reconf": self._reconfigure,
            "constrain": self._constrain,
            "force_rebind": self._force_rebind,
            "destroy": self._destroy,
        }

    def answer(self, parameters: Parameters, session_id: str) -> str:
        """Execute a request of the session it names, or else of `session_id`; return the answer."""
        request_id = parameters.get("LS_reqId")
        if request_id is None:
            return "ERROR,65,LS_reqId is missing"
        try:
            self._execute(parameters, parameters.get("LS_session", session_id))
        except ProtocolError as error:
            return f"REQERR,{request_id},{error.code},{error.message}"
        return f"REQOK,{request_id}"

    def _execute(self, parameters: Parameters, session_id: str) -> None:
        session = self._sessions.find(session_id)
        operation = self._operations.get(parameters.get("LS_op", ""))
        if operation is None:
            raise ProtocolError(65, "LS_op is not an operation")
        operation(session, parameters)

    def _subscribe(self, session: Session, parameters: Parameters) -> None:
        subscription_id = parameters.get("LS_subId", "")
        if not subscription_id.isdecimal() or subscription_id in session.subscriptions:
            raise ProtocolError(65, "LS_subId is not a new number")
        if parameters.get("LS_data_adapter", "DEFAULT") != "DEFAULT":
            raise ProtocolError(17, "Bad Data Adapter name")
        if parameters.get("LS_mode") != "MERGE":
            raise ProtocolError(24, "Subscription mode not allowed for an Item")
        group = _names(parameters, "LS_group", items(), ProtocolError(21, "Bad Item Group name"))
        schema = _names(parameters, "LS_schema", FIELDS, ProtocolError(23, "Bad Field schema name"))
        frequency = read_frequency(parameters.get("LS_requested_max_frequency", "unlimited"))
        subscription = Subscription(subscription_id, group, schema, session.notify)
        session.subscriptions[subscription_id] = subscription
        subscription.start(self._broadcast, frequency, snapshot=parameters.get("LS_snapshot") == "true")

    def _unsubscribe(self, session: Session, parameters: Parameters) -> None:
        _subscription(session, parameters).stop(self._broadcast)
        del session.subscriptions[parameters["LS_subId"]]

    def _reconfigure(self, session: Session, parameters: Parameters) -> None:
        subscription = _subscription(session, parameters)
        subscription.limit(read_frequency(parameters.get("LS_requested_max_frequency", "unlimited")))

    def _constrain(self, session: Session, parameters: Parameters) -> None:
        """Accept and ignore it: the answer to bandwidth limits is the CONS line, which says unlimited."""

    def _force_rebind(self, session: Session, _: Parameters) -> None:
        session.close_stream(LOOP)

    def _destroy(self, session: Session, _: Parameters) -> None:
        self._sessions.end(session, 31, "Destroyed by its client")


def _subscription(session: Session, parameters: Parameters) -> Subscription:
    subscription = session.subscriptions.get(parameters.get("LS_subId", ""))
    if subscription is None:
        raise ProtocolError(19, "Specified subscription not found")
    return subscription


def _names(parameters: Parameters, name: str, known: Iterable[str], refusal: ProtocolError) -> list[str]:
    names = parameters.get(name, "").split()
    if not names or len(set(names)) != len(names) or not set(names) <= set(known):
        raise refusal
    return names
