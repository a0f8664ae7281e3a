"""When nobody waits for a request any more."""

import asyncio
import time

from tfgan_survey.serving.runtime.batch_work import Request, abandoned


def test_a_late_request_is_abandoned_before_its_event_loop_finds_out():
    async def main():
        def request(deadline):
            return Request(None, None, [], 1, deadline)

        answered = request(float("inf"))
        assert not abandoned(answered) and not abandoned(request(time.monotonic() + 60))
        answered.future.set_result([])
        assert abandoned(answered) and abandoned(request(time.monotonic() - 1e-3))

    asyncio.run(main())
