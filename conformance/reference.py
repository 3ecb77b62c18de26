"""Runs the Autobahn testsuite's own command `wstest`, on Python 2.7.

python2.7 reference.py SITE ARGUMENTS...

SITE is the folder that the package is installed in. `wstest` would serve on every interface and
keep the number of an ephemeral port to itself. Here it serves on loopback, and says where.
"""
import site
import sys

site.addsitedir(sys.argv.pop(1))

from autobahn.twisted.websocket import listenWS
from autobahntestsuite import fuzzing, wstest


def listen_on_loopback(factory, context_factory=None):
    port = listenWS(factory, context_factory, interface='127.0.0.1')
    print('fuzzingserver listening on ws://127.0.0.1:%d' % port.getHost().port)
    return port


fuzzing.listenWS = listen_on_loopback
wstest.run()
