// What an import from agentic-credential-vault would do, in the order in which it is done. Changes nothing.
import { hash } from 'node:crypto'
import { type Item, leave } from './item.ts'
import { unstorable } from './look-at-secret.ts'
import type { VaultHome } from './vault-home.ts'
import type { VaultPresent } from './vault-present.ts'
import { MASTER } from './vault-secrets.ts'
import { type PlannedVault, planServices, sealed } from './vault-services.ts'

export function planVault(home: VaultHome, present: VaultPresent): Item[] {
  const services = planServices(home, present)
  return [
    ...revocationItems(home, present),
    ...services.items,
    ...secretItems(home, present, services),
    ...agentItems(home, present, services),
    ...logItems(home, present),
    ...restItems(home),
  ]
}

/** Before the services: what they give must not be there for a moment without what was taken away. */
function revocationItems({ revocations: { sessions, tasks, agents } }: VaultHome, present: VaultPresent): Item[] {
  const of = (kind: 'session' | 'task' | 'agent', value: string): Item => {
    const [what, name] = ['revocation', `${kind} ${value}`] as const
    const id = kind === 'agent' ? present.agents?.get(value) : value
    if (present.revoked.has(`${kind} ${id}`)) return { what, name, action: 'known' }
    if (id === undefined && present.agents !== undefined) {
      return leave(
        what,
        name,
        'no agent of that name is here. Make none, or import again at once: it would not be revoked',
      )
    }
    return {
      ...{ what, name, action: 'bring', first: true },
      bring: async ({ client }) => {
        const body = { kind, value, reason: 'imported' }
        const { revoked } = await client.ask({ method: 'POST', path: '/agentvault/revocations', body })
        return revoked === true ? {} : { action: 'known' }
      },
    }
  }
  const each = (kind: 'session' | 'task' | 'agent', values: readonly string[]) =>
    [...new Set(values)].map((value) => of(kind, value))
  return [...each('session', sessions), ...each('task', tasks), ...each('agent', agents)]
}

function secretItems({ secrets }: VaultHome, present: VaultPresent, { definitions, carried }: PlannedVault): Item[] {
  const what = 'secret'
  const given = [...secrets.byRef].flatMap(([ref, secret]): Item[] => {
    if (carried.has(ref)) return []
    if (present.refs.has(ref)) return [{ what, name: ref, action: 'known', why: 'what is sealed here stays' }]
    const why = unstorable(secret)
    if (why !== undefined) return [leave(what, ref, why, { failed: true })]
    return [
      {
        ...{ what, name: ref, action: 'bring' },
        bring: async (bringing) => {
          const body = { secretRef: ref, ...sealed(ref, 'agentvault', secret, bringing) }
          const { stored } = await bringing.client.ask({ method: 'POST', path: '/agentvault/secrets', body })
          return stored === true ? {} : { action: 'known' }
        },
      },
    ]
  })
  const named = new Set([...definitions.values()].flatMap(({ secretRef }) => secretRef ?? []))
  const missing = [...named].filter((ref) => !present.refs.has(ref) && !secrets.byRef.has(ref))
  return [
    ...given,
    ...secrets.bad.map(([ref, why]) => leave(what, shortName(ref), why, { failed: true })),
    ...missing.map((ref) => leave(what, ref, `enter it again: import again with it in ${MASTER}`, { failed: true })),
  ]
}

/** Nothing of a reference that may be a secret in the wrong place. */
function shortName(ref: string): string {
  return /^[A-Za-z0-9._ -]{1,24}$/.test(ref) ? ref : `(reference ${hash('sha256', ref).slice(0, 8)})`
}

/** Agents are made by operators: the original took anybody's word for who asks. */
function agentItems({ revocations }: VaultHome, { agents }: VaultPresent, { definitions }: PlannedVault): Item[] {
  if (agents === undefined) return []
  const named = [...definitions.values()].flatMap(({ allowedAgents }) => allowedAgents)
  const ids = new Set(agents.values())
  return (
    [...new Set(named)]
      .filter((name) => name !== '*' && !agents.has(name) && !ids.has(name))
      // Whoever was revoked there is said above, and nobody is told to make it.
      .filter((name) => !revocations.agents.includes(name))
      .map((name) => leave('agent', name, `services name it, and it is not here: claviger agent add ${name}`))
  )
}

/** Its rows are no records of ours, and hold what ours do not (URLs, parameters): one record says which file it was. */
function logItems({ log }: VaultHome, { logs }: VaultPresent): Item[] {
  if (log === undefined) return []
  const [what, name, facts] = ['log', 'audit.log.jsonl', { ...log }] as const
  const why = `${log.rows} rows, SHA-256 ${log.sha256}: keep the file, only that goes on record`
  if (logs.has(log.sha256)) return [{ what, name, action: 'known', why, facts }]
  return [
    {
      ...{ what, name, action: 'bring', why, facts },
      bring: async ({ client, journal }) => {
        await client.ask({ method: 'POST', path: '/agentvault/logs', body: log })
        journal.append({ recorded: log.sha256 })
        return {}
      },
    },
  ]
}

const left: Readonly<Record<string, string>> = {
  PORT: 'give it to the start of the gateway, or CLAVIGER_VAULT_LISTEN',
  VAULT_AUDIENCE: 'give it to the start of the gateway',
  VAULT_ADMIN_TOKEN: 'give it, or a new one, to the start of the gateway; keep it in no file that agents can read',
  VAULT_SIGNING_KEY: 'means nothing here: tokens are signed with ES256, and those of that installation are not good',
  VAULT_ENCRYPTION_KEY: 'means nothing here',
}

function restItems({ sealed: file, settings, revocations: { jti } }: VaultHome): Item[] {
  const unread = 'its form is not documented: secrets come from MASTER_SECRETS_JSON'
  const tokens = `${jti.length} tokens: none of that installation is good here`
  return [
    ...(file ? [leave('rest', 'secrets.enc', unread)] : []),
    ...(jti.length > 0 ? [leave('revocation', 'jti', tokens)] : []),
    ...settings.map((name) => leave('setting', name, left[name] ?? '')),
  ]
}
