"""Messages to other systems and to other areas: rows, written in the transaction of their cause and delivered by a job.

To send something through the outbox:

1. Queue a `NewMessage` with `steps.queue` in the transaction of its cause. One statement queues any number of messages.
2. Write a function `deliver(backend, message)`, which returns when the message was delivered, and raises NotDelivered otherwise.
   It may be called again for a message that it delivered already, after a crash: let the receiver recognize `dedupe_key`.
3. Add the function under the message's topic to `HANDLERS` in functions/jobs.py.
"""
