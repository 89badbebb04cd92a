"""
The whole system on one machine: PostgreSQL, Prefect, worker, gateway, controller, sandbox.

    cct-ops up (the front)     shows progress, waits for Ctrl-C
      └─ supervisor            its own session: starts, watches and restarts the parts
           └─ process guard    one per part: stops the part and everything that the part started
                └─ the part

Each arrow is a pipe on the lower one's stdin. When the upper one dies, by whatever means, the
pipe ends and the lower one stops all that is below it. So killing any of them leaves nothing.
"""
