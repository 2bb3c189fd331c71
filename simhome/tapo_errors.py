"""The error codes of Tapo's protocol that a simulated plug answers with."""

# Tapo notes, section 4.1
UNKNOWN_METHOD = -1002
BAD_PARAMETERS = -1008
# Tapo notes, section 7: what get_energy_usage answers while the clock is unset. The name is
# python-kasa's (JSON_DECODE_FAIL_ERROR); a request that is no JSON gets it too.
JSON_DECODE_FAILED = -1003
# Tapo notes, section 7: what a plug answers to the way of connecting that an update has taken away.
TRANSPORT_UNKNOWN = 1003


class MethodError(Exception):
    """A method that answers an error code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"error_code {code}")
        self.code = code
