/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Certificates: the names of each service, chain and key, their end, what the running daemons
 * show, and whether others believe it.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/tls/verify.h"
#include "kontalkctl/check/greeting.h"
#include "kontalkctl/check/url.h"

#define DAY_S 86400

/* A certificate that a daemon shows. */
struct shown {
    const char *daemon;
    const char *name;              /* who is asked for */
    const char *certificate, *key; /* files */
    const char *said;              /* where the configuration names them */
    const char *section, *list;    /* where it listens with TLS at once */
    const char *alpn;
};

struct tls_check {
    struct check *check;
    const struct shown *shown;
    const char *subject;
    char *fingerprint; /* of the file */
};

static const char *reload_remedy(struct tls_check *tls)
{
    return arena_printf(tls->check->arena, "kontalkctl ask %s reload", tls->shown->daemon);
}

/* --- what the files say --- */

static void judge_end(struct tls_check *tls, const struct tls_description *certificate)
{
    const int64_t left_s = certificate->ends_s - clock_wall_us() / 1000000;
    const char *remedy = arena_printf(tls->check->arena, "renew %s (certbot renew), then: %s",
                                      tls->shown->certificate, reload_remedy(tls));
    enum severity severity = left_s <= DAY_S        ? CHECK_ERROR
                             : left_s <= 7 * DAY_S  ? CHECK_WARNING
                             : left_s <= 31 * DAY_S ? CHECK_NOTE
                                                    : CHECK_OK;

    check_add(tls->check, severity, tls->subject, severity >= CHECK_WARNING ? remedy : NULL,
              "%s ends at %s", tls->shown->certificate, certificate->ends);
}

static void on_own(void *user, const char *name, const struct tls_description *certificate)
{
    struct tls_check *tls = user;

    (void)name;
    tls->fingerprint = arena_strdup(tls->check->arena, certificate->fingerprint);
    judge_end(tls, certificate);
}

/* As the daemon does it: chain, key, dates, name. */
static void check_files(struct tls_check *tls)
{
    const struct tls_settings settings = {.role = TLS_SERVER};
    const struct shown *shown = tls->shown;
    struct tls_context *context;
    const char *problem = NULL;

    int error = tls_context_new(&settings, &context, &problem);
    if (error)
        return;
    if (tls_context_add_certificate(context, shown->name, shown->certificate, shown->key,
                                    &problem) == 0)
        tls_describe_own(context, on_own, tls);
    else
        check_add(tls->check, CHECK_ERROR, tls->subject,
                  arena_printf(tls->check->arena,
                               "let %s name a certificate for %s with its chain, and its key; "
                               "then: %s",
                               shown->said, shown->name, reload_remedy(tls)),
                  "%s: %s", shown->certificate, problem);
    tls_context_unref(context);
}

/* --- what is shown --- */

static void judge_peer(struct tls_check *tls, struct tls_session *session)
{
    const char *authorities = greeting_authorities(tls->check);
    struct tls_description shown;

    if (tls_describe_peer(session, &shown) != 0)
        return;
    if (tls->fingerprint && strcmp(tls->fingerprint, shown.fingerprint) != 0)
        check_add(tls->check, CHECK_WARNING, tls->subject, reload_remedy(tls),
                  "kontalk-%s shows another certificate than %s has, until %s", tls->shown->daemon,
                  tls->shown->certificate, shown.ends);
    if (tls_verify_server(session) == 0)
        check_add(tls->check, CHECK_OK, tls->subject, NULL,
                  "kontalk-%s shows a certificate that is trusted", tls->shown->daemon);
    else
        check_add(tls->check, CHECK_WARNING, tls->subject,
                  arena_printf(tls->check->arena,
                               "get one from an authority that is known, with its chain, for "
                               "%s: certbot certonly -d %s",
                               tls->shown->name, tls->shown->name),
                  "what kontalk-%s shows is not trusted for %s by the authorities of %s; issued by "
                  "%s, for %s",
                  tls->shown->daemon, tls->shown->name, authorities ? authorities : "this system",
                  shown.issuer, shown.names);
    tls_description_fini(&shown);
}

/* That nobody listens is for the area ports. */
static void check_shown(struct tls_check *tls)
{
    const struct shown *shown = tls->shown;
    const struct config *config = tls->check->config;
    struct address address;
    const char *problem;

    if (config_list_size(config, shown->section, NULL, shown->list) == 0 ||
        wire_local_address(config_list_item(config, shown->section, NULL, shown->list, 0),
                           &address) != 0)
        return;
    struct wire *wire = wire_open(&address, &problem);
    if (!wire)
        return;
    if (wire_secure(wire, shown->name, greeting_authorities(tls->check), shown->alpn, &problem) ==
        0)
        judge_peer(tls, wire_tls(wire));
    else
        check_add(tls->check, CHECK_ERROR, tls->subject, "kontalkctl show tls",
                  "kontalk-%s does not do TLS: %s", shown->daemon, problem);
    wire_close(wire);
}

static void check_one(struct check *check, const struct shown *shown)
{
    struct tls_check tls = {.check = check, .shown = shown};

    tls.subject = arena_printf(check->arena, "%s at kontalk-%s", shown->name, shown->daemon);
    check_files(&tls);
    check_shown(&tls);
}

static void check_domain(struct check *check, const char *domain)
{
    const char *server = config_text(check->config, "domain", domain, "s2s-certificate");
    const char *said = arena_printf(check->arena, "[domain \"%s\"]", domain);
    const char *certificate = config_text(check->config, "domain", domain, "certificate");
    const char *key = config_text(check->config, "domain", domain, "key");

    check_one(check, &(struct shown){.daemon = "c2s",
                                     .name = domain,
                                     .certificate = certificate,
                                     .key = key,
                                     .said = said,
                                     .section = "c2s",
                                     .list = "listen-tls",
                                     .alpn = "xmpp-client"});
    check_one(check,
              &(struct shown){
                  .daemon = "s2s",
                  .name = domain,
                  .certificate = server ? server : certificate,
                  .key = server ? config_text(check->config, "domain", domain, "s2s-key") : key,
                  .said = said,
                  .section = "s2s",
                  .list = "listen-tls",
                  .alpn = "xmpp-server"});
}

static void check_upload_host(struct check *check)
{
    const char *certificate = config_text(check->config, "files", NULL, "certificate");
    struct url url;

    if (!check_has(check, "files") || !certificate ||
        url_read(check->arena, config_text(check->config, "files", NULL, "public-url"), &url) != 0)
        return;
    check_one(check, &(struct shown){.daemon = "files",
                                     .name = url.host,
                                     .certificate = certificate,
                                     .key = config_text(check->config, "files", NULL, "key"),
                                     .said = "[files]",
                                     .section = "files",
                                     .list = "listen-tls",
                                     .alpn = "http/1.1"});
}

void check_tls(struct check *check)
{
    for (size_t i = 0; i < config_instances(check->config, "domain"); i++)
        check_domain(check, config_instance(check->config, "domain", i));
    check_upload_host(check);
}
