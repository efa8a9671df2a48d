#!/usr/bin/env python3
"""A PBX that runs and answers nobody: given up as a dead one, and killed as it does not stop."""

import os
import time

from coordinators import play


def scenario(promise, world):
    site = world.sites["s0"]
    for name in ("hang", "will-not-stop"):
        open(os.path.join(site.pbx, name), "w", encoding="ascii").close()
    hung = time.monotonic()
    served = world.wait_serves("s1", 20)
    promise.say(f"s1 serves {served - hung:.2f} s after the PBX of s0 hangs: two questions a second "
                "apart, and 2 s for stopping")
    promise.check(not site.pbx_runs(), "the PBX of s0 was killed")
    promise.check("sip" in site.log().decode() and "epoch=2 " in world.record(),
                  "moved once, for its silence")


play("a PBX that hangs is given up and killed, and another site serves", scenario,
     more='[[sensor]]\nname = "sip"\nkind = "sip.options"\naddress = "127.0.0.1:5060"\nevery = "1s"\n'
          'timeout = "500ms"\nrise = 2\n')
