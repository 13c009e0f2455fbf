# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Debian's jabberd2 as a peer: four processes around a router of their own.

import contextlib
import glob
import sqlite3

from tests.harness import wait
from tests.node.client import Closed
from tests.peers.foreign import PASSWORD, Foreign
from tests.peers.names import JABBERD2, STARTTLS, Way

LOG = "<log type='stdout'/>"
NO_SESSION_MANAGER = "internal-server-error"
ROUTER = """<router><id>router</id>{log}
<local><ip>{address}</ip><port>5347</port><users>{directory}/users.xml</users>
<secret>secret</secret></local>
<io><max_fds>1024</max_fds></io>
<aci><acl type='all'><user>jabberd</user></acl></aci></router>
"""
USERS = "<users><user><name>jabberd</name><secret>secret</secret></user></users>\n"
LINK = """<router><ip>{address}</ip><port>5347</port><user>jabberd</user><pass>secret</pass>
<retry><init>10</init><lost>10</lost><sleep>1</sleep></retry></router>"""
S2S = f"""<s2s><id>s2s</id>{LINK}{{log}}
<local><ip>{{address}}</ip><port>5269</port><pemfile>{{pem}}</pemfile></local>
<io><max_fds>1024</max_fds></io>
<check><interval>1</interval><queue>60</queue><retry>60</retry></check>
<lookup><srv>xmpp-server</srv></lookup>
<security><require_tls/></security></s2s>
"""
SM = f"""<sm><id>sm</id>{LINK}{{log}}
<local><id>{{domain}}</id></local>
<storage><path>{{modules}}</path><driver>fs</driver><fs><path>{{directory}}/fs</path></fs></storage>
<modules><path>{{modules}}</path>
<chain id='in-sess'><module>validate</module><module>roster</module><module>iq-ping</module>
<module>disco</module><module>offline</module><module>presence</module><module>deliver</module>
</chain>
<chain id='in-router'><module>session</module><module>validate</module><module>presence</module>
</chain>
<chain id='pkt-sm'><module>iq-last</module><module>iq-ping</module><module>iq-time</module>
<module>iq-version</module><module>disco</module><module>presence</module></chain>
<chain id='pkt-user'><module>roster</module><module>presence</module><module>disco</module>
<module>deliver</module><module>offline</module><module>iq-last</module></chain>
<chain id='pkt-router'><module>session</module><module>disco</module></chain>
<chain id='user-load'><module>active</module><module>roster</module></chain>
<chain id='user-create'><module>active</module></chain>
<chain id='disco-extend'><module>iq-version</module></chain>
</modules>
<discovery><identity><category>server</category><type>im</type><name>jabberd2</name></identity>
</discovery>
<user><auto-create/></user></sm>
"""
C2S = f"""<c2s><id>c2s</id>{LINK}{{log}}
<local><id>{{domain}}</id><ip>{{address}}</ip><port>5222</port></local>
<io><max_fds>1024</max_fds></io>
<authreg><path>{{modules}}</path><module>sqlite</module>
<mechanisms><traditional/><sasl><plain/></sasl></mechanisms>
<sqlite><dbname>{{directory}}/users.db</dbname><password_type><plaintext/></password_type></sqlite>
</authreg></c2s>
"""
PARTS = {"router": ROUTER, "sm": SM, "s2s": S2S, "c2s": C2S}


class Jabberd2(Foreign):
    name = "jabberd2"
    address = JABBERD2
    ways = (Way("dialback", STARTTLS),)
    not_reached = "service-unavailable"

    def commands(self):
        return [[f"/usr/sbin/jabberd2-{part}", "-c", self.path(f"{part}.xml")] for part in PARTS]

    def is_ready(self):
        """Each part listens before it knows the others."""
        if not super().is_ready():
            return False
        try:
            super().login(self.users[0], *self.domains).logout()
            return True
        except Closed:
            return False

    def login(self, user, domain):
        """Its parts can lose each other again behind the first login."""
        return wait.until(lambda: self.try_login(user, domain), what=f"a login at {domain}")

    def try_login(self, user, domain):
        """None while its c2s knows of no session manager."""
        try:
            return super().login(user, domain)
        except Closed as closed:
            if closed.condition != NO_SESSION_MANAGER:
                raise
            return None

    def configure(self):
        domain, = self.domains
        keys = {"address": self.address, "directory": self.home.path, "domain": domain, "log": LOG,
                "pem": self.certificates.both(domain),
                "modules": glob.glob("/usr/lib/*/jabberd2")[0]}
        for part, text in PARTS.items():
            self.home.write(f"{part}.xml", text.format(**keys))
        self.home.write("users.xml", USERS)
        self.home.write("fs/.keep", "")
        with contextlib.closing(sqlite3.connect(self.path("users.db"))) as database, database:
            database.execute("CREATE TABLE authreg (username TEXT, realm TEXT, password TEXT)")
            database.executemany("INSERT INTO authreg VALUES (?, ?, ?)",
                                 [(user, domain, PASSWORD) for user in self.users])
