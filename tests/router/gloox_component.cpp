/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A component made with gloox that sends every message back: gloox_component HOST PORT DOMAIN SECRET.
 * Says "connected" and "disconnected"; ends when its input does.
 */
#include <cstdio>
#include <cstdlib>
#include <poll.h>
#include <unistd.h>

#include <gloox/component.h>
#include <gloox/connectionlistener.h>
#include <gloox/disco.h>
#include <gloox/message.h>
#include <gloox/messagehandler.h>

class Echo : public gloox::ConnectionListener, public gloox::MessageHandler
{
  public:
    Echo(const char *host, int port, const char *domain, const char *secret)
        : component("jabber:component:accept", host, domain, secret, port)
    {
        component.disco()->setIdentity("gateway", "irc", "Echo");
        component.registerConnectionListener(this);
        component.registerMessageHandler(this);
    }

    void run()
    {
        struct pollfd input = {STDIN_FILENO, POLLIN, 0};
        if (!component.connect(false))
            return;
        while (component.recv(50000) == gloox::ConnNoError) {
            if (poll(&input, 1, 0) > 0)
                component.disconnect();
        }
    }

    void onConnect() override
    {
        puts("connected");
    }

    void onDisconnect(gloox::ConnectionError) override
    {
        puts("disconnected");
    }

    bool onTLSConnect(const gloox::CertInfo &) override
    {
        return false;
    }

    void handleMessage(const gloox::Message &message, gloox::MessageSession *) override
    {
        gloox::Message reply(message.subtype(), message.from(), message.body());
        reply.setFrom(message.to());
        component.send(reply);
    }

  private:
    gloox::Component component;
};

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    setvbuf(stdout, nullptr, _IOLBF, 0);
    Echo(argv[1], atoi(argv[2]), argv[3], argv[4]).run();
    return 0;
}
