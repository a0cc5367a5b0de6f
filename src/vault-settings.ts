// The settings of the door for agentic-credential-vault.

import { z } from 'zod'
import { listOf, onOff, setting, whole } from './setting-shapes.ts'

/** Read from the environment alone, when the gateway starts, and taken out of it: a secret is never a setting. */
export const VAULT_ADMIN_TOKEN = 'VAULT_ADMIN_TOKEN'

/** Audiences of other tokens of this gateway: the Clauth door's sessions, and relying services by their ids. */
const TAKEN = /^(?:clauth|rel_.*)$/i

const audience = () =>
  z
    .string()
    .regex(/^[\x21-\x7e]{1,128}$/, 'a name without spaces is wanted')
    .refine((text) => !TAKEN.test(text), 'other tokens of this gateway are for that audience: choose another name')

export const vaultSettings = {
  vaultDoor: setting(onOff(), {
    env: 'CLAVIGER_VAULT',
    fallback: 'on',
    doc: 'The dialect of agentic-credential-vault (`/vault.…`) on the agent listener.',
  }),
  vaultAudience: setting(audience(), {
    env: 'VAULT_AUDIENCE',
    fallback: 'agentic-credential-vault-proxy',
    doc: 'Audience (`aud`) of the tokens of that door. No other tokens of this gateway may be for it: neither its own address, nor `clauth`, nor `rel_…`.',
  }),
  vaultAddresses: setting(listOf(/^[0-9a-f:.]+(?:\/[0-9]{1,3})?$/, 'addresses or ranges are wanted'), {
    env: 'CLAVIGER_VAULT_ADDRESSES',
    fallback: '',
    doc: 'Addresses and ranges beyond the public network that services added at that door may have, by commas, for example `127.0.0.1`. Without it a base URL must be public, and https.',
  }),
  vaultRpm: setting(whole(0, 100_000), {
    env: 'CLAVIGER_VAULT_RPM',
    fallback: '6000',
    doc: 'Calls of one agent on one service of that door in any 60 seconds; more are answered 429. 0: no limit.',
  }),
  vaultIssuesPerMinute: setting(whole(0, 99_999), {
    env: 'CLAVIGER_VAULT_ISSUES_PER_MINUTE',
    fallback: '600',
    doc: 'Tokens that one agent gets for one service of that door in any 60 seconds; more are answered 429. 0: no limit.',
  }),
}
