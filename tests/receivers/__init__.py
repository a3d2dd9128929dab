"""What the conformance suite has to know of a destination, in a module of the output's name where `200 {}` won't do.

`accept(request)` is how an HTTP destination says yes. `running(request)`, a pytest request, lends a `Receiver` for as
long as its block lasts; `SERVICE = True` if that needs a real server.
"""
