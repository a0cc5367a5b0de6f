// `POST /vault.revoke` (§1.4): an agent takes back what is its own, the admin anything.

import type { AgentId } from '../../ground/ids.ts'
import type { AgentPrincipal } from '../../identity/contract.ts'
import { revokeSession } from '../../identity/sessions/tokens.ts'
import type { Actor } from '../../storage/storage.ts'
import type { JsonObject, Revocation } from './contract.ts'
import { withdrawFrom } from './door-grants.ts'
import { VAULT_ADMIN, type VaultNeeds } from './needs.ts'
import { displacedBy } from './own-revocations.ts'
import { refused } from './refusal.ts'
import { putRevocation, removeRevocation } from './store.ts'
import { revocationId } from './vault-book.ts'
import { sessionIdOf } from './vault-token.ts'

export const ADMIN = 'admin' as const
export type Revoker = AgentPrincipal | typeof ADMIN

const FIELDS = ['tokenId', 'sessionId', 'taskId', 'agentId'] as const
type Given = { [Field in (typeof FIELDS)[number]]?: string }

const MAX_TEXT = 256

/** Resolves when it holds: what ran by it has ended. Throws `POLICY_DENY`, `<FIELD>_INVALID`, to agents `RATE_LIMITED`. */
export async function revoke(needs: VaultNeeds, by: Revoker, body: JsonObject): Promise<Given> {
  const { given, reason } = readGiven(body)
  if (Object.keys(given).length === 0) return given
  if (by === ADMIN) {
    await carryOut(needs, by, given, reason)
    return given
  }
  refuseForeign(needs, by, given)
  const { agent } = by
  if (given.agentId === undefined) needs.revocations.take(agent.id)
  await needs.revocations.inTurn(agent.id, () => carryOut(needs, by, given, reason))
  return given
}

function readGiven(body: JsonObject): { readonly given: Given; readonly reason: string } {
  const given: Given = {}
  for (const field of FIELDS) {
    const value = body[field]
    if (value === undefined || value === null || value === '') continue
    if (typeof value !== 'string' || value.length > MAX_TEXT) throw refused(`${field.toUpperCase()}_INVALID`)
    given[field] = value
  }
  const said = body.reason ?? 'manual'
  if (typeof said !== 'string') throw refused('REASON_INVALID')
  return { given, reason: said.slice(0, MAX_TEXT) }
}

async function carryOut(needs: VaultNeeds, by: Revoker, given: Given, reason: string): Promise<void> {
  const actor: Actor = by === ADMIN ? VAULT_ADMIN : { kind: 'agent', id: by.agent.id, key: by.token.id }
  const rows = rowsOf(needs, by, given, reason)
  const own = by === ADMIN ? [] : needs.book.revocationsOf(by.agent.id)
  const displaced = by === ADMIN ? [] : displacedBy(rows, own, needs.clock.now())
  if (given.tokenId !== undefined) await endToken(needs, given.tokenId, actor, reason)
  await write(needs, { rows, displaced, given, actor, reason })
}

/** As an operator says, once: false where it holds already. Throws Problem `agent_unknown`. */
export async function revokeOnce(
  needs: Pick<VaultNeeds, 'book' | 'clock' | 'grants' | 'identity' | 'storage'>,
  by: Actor,
  { kind, value, reason }: Pick<Revocation, 'kind' | 'value' | 'reason'>,
): Promise<boolean> {
  const named = kind === 'agent' ? needs.identity.requireAgent(value).name : value
  const given: Given = { [`${kind}Id`]: named }
  const rows = rowsOf(needs, ADMIN, given, reason)
  if (rows.every(({ id }) => needs.book.revocations().some((one) => one.id === id))) return false
  await write(needs, { rows, displaced: [], given, actor: by, reason })
  return true
}

function refuseForeign({ book, identity }: VaultNeeds, { agent }: AgentPrincipal, given: Given): void {
  const { tokenId, sessionId, taskId, agentId } = given
  const session = tokenId === undefined ? undefined : sessionIdOf(tokenId)
  const token = session === undefined ? undefined : identity.room.sessions.get(session)
  const foreign =
    (agentId !== undefined && agentId !== agent.name && agentId !== agent.id) ||
    (tokenId !== undefined && token?.agent !== agent.id) ||
    (sessionId !== undefined && book.tokens.ownerOf('session', sessionId, agent.id) === 'other') ||
    (taskId !== undefined && book.tokens.ownerOf('task', taskId, agent.id) === 'other')
  if (foreign) throw refused('POLICY_DENY', { status: 403 })
}

/** A token that is over, or none of ours, needs nothing: it opens nothing. */
async function endToken({ book, identity }: VaultNeeds, tokenId: string, by: Actor, reason: string): Promise<void> {
  const id = sessionIdOf(tokenId)
  const session = id === undefined ? undefined : identity.room.sessions.get(id)
  // Sign-ins of other doors are not this one's to end.
  if (session !== undefined && book.tokens.get(session.id) !== undefined) {
    await revokeSession(identity.room, session, by, reason)
  }
}

/** What an agent revokes, it revokes for itself: others may call their sessions the same. */
function rowsOf(
  { clock, identity }: Pick<VaultNeeds, 'clock' | 'identity'>,
  by: Revoker,
  given: Given,
  reason: string,
): Revocation[] {
  const at = clock.now()
  const whose = by === ADMIN ? undefined : by.agent.id
  const row = (kind: Revocation['kind'], value: string, agent = whose): Revocation => {
    return { id: revocationId(kind, value, agent), kind, value, agent, reason, at }
  }
  const { sessionId, taskId, agentId } = given
  const agent = agentId === undefined ? undefined : identity.findAgent(agentId)?.id
  return [
    ...(sessionId === undefined ? [] : [row('session', sessionId)]),
    ...(taskId === undefined ? [] : [row('task', taskId)]),
    ...(agent === undefined ? [] : [row('agent', agent, agent)]),
  ]
}

interface Writing {
  readonly rows: readonly Revocation[]
  /** What goes for them. */
  readonly displaced: readonly Revocation[]
  readonly given: Given
  readonly actor: Actor
  readonly reason: string
}

async function write(
  needs: Pick<VaultNeeds, 'storage' | 'book' | 'grants'>,
  { rows, displaced, given, actor, reason }: Writing,
): Promise<void> {
  const ev = { event: 'token.revoked', ...given, reason }
  await needs.storage.write(
    async (tx) => {
      for (const { id, kind, agent } of displaced) {
        await removeRevocation(tx, id)
        const told = { what: 'agentvault.revocation_ended', id, kind, agent }
        const record = { type: 'config', actor, ev: told }
        await tx.change({ kind: 'agentvault_unrevoked', ref: id, record })
      }
      for (const row of rows) {
        await putRevocation(tx, row)
        if (row.kind === 'agent') await withdrawFrom(needs, row.value as AgentId, tx)
        const told = { what: 'agentvault.revoked', kind: row.kind, id: row.id }
        const record = { type: 'revoke', actor, ev: told }
        await tx.change({ kind: 'agentvault_revoked', ref: row.id, after: row, record })
      }
      await tx.change({ kind: 'agentvault_told', ref: 'revoke', record: { type: 'revoke', actor, ev } })
    },
    { urgent: true },
  )
}
