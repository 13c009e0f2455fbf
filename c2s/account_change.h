/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What can be done to an account as a whole.
 */
#pragma once

enum account_change {
    ACCOUNT_ADD,
    ACCOUNT_PASSWORD,
    ACCOUNT_DELETE,
    ACCOUNT_DISABLE, /* nobody logs in as it; nothing of it is lost */
    ACCOUNT_ENABLE,
    ACCOUNT_CHANGES
};
