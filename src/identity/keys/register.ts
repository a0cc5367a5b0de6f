import type { P256PublicKey } from '../../crypto/p256.ts'
import type { Actor } from '../../storage/storage.ts'
import { addAgentInto, newAgentRow } from '../agents.ts'
import type { AgentEntry } from '../contract.ts'
import { identityProblem } from '../contract.ts'
import type { Room } from '../room.ts'
import type { AgentOrigin } from '../store.ts'
import { addKeyInto, newKeyRow } from './agent-keys.ts'
import { type KeyEntry, keyProblem } from './contract.ts'
import { readInvite, useInviteInto } from './invites.ts'
import type { AgentKey } from './key-ring.ts'

export interface Registration {
  readonly name: string
  readonly key: P256PublicKey
  readonly email?: string | undefined
  readonly label?: string | undefined
  readonly attestation?: object | undefined
  /** Whether possession of the private key was shown. Without it an agent waits for approval, whoever stands behind it. */
  readonly proven: boolean
  /** An operator, an invite's text, or nobody: then the installation must allow it, and the agent waits for approval. */
  readonly behind: { readonly operator: Actor } | { readonly invite: string } | 'nobody'
}

export interface Registered {
  readonly agent: AgentEntry
  readonly key: KeyEntry
}

/**
 * Adds an agent with its first key, or, by an invite that names an agent, a new key for that agent. Throws Problems
 * `registration_closed`, `invite_invalid`, `invite_names_other`, `agent_name_reserved`, `agent_name_invalid`,
 * `agent_name_taken`, `key_taken`.
 */
export async function register(room: Room, asked: Registration): Promise<Registered> {
  const { behind } = asked
  if (behind === 'nobody' && !room.publicRegistration) throw keyProblem('registration_closed')
  const invite = behind !== 'nobody' && 'invite' in behind ? readInvite(room, behind.invite) : undefined
  if (invite?.agent) return rekey(room, asked, invite)
  const operator = behind !== 'nobody' && 'operator' in behind ? behind.operator : undefined
  if (operator === undefined) mayBeCalled(room, asked.name, invite?.name ?? undefined)
  const row = newAgentRow(room, {
    name: asked.name,
    email: asked.email,
    label: asked.label,
    status: behind !== 'nobody' && asked.proven ? 'active' : 'pending',
    origin: operator ? 'operator' : originOf(invite),
    owner: operator?.id ?? invite?.operator,
  })
  const key = newKeyRow(room, { agent: row.id, key: asked.key, attestation: asked.attestation })
  const by = operator ?? { kind: 'agent' as const, id: row.id, key: key.thumbprint }
  await room.storage.write(async (tx) => {
    if (invite) await useInviteInto(tx, invite, room.clock.now(), row.id)
    await addAgentInto(room, tx, row, by)
    await addKeyInto(tx, key, by)
  })
  return { agent: room.directory.agent(row.id)!, key: room.keys.key(key.id) as AgentKey }
}

/** Whether nobody may register under it to whom it was not given. */
export function isNameKept({ keptNames }: Room, name: string): boolean {
  return keptNames.some((holds) => holds(name))
}

/** A name that an operator named before there was such an agent is for whom an operator gives it to. */
function mayBeCalled(room: Room, name: string, said: string | undefined): void {
  if (said !== undefined && said !== name) throw keyProblem('invite_names_other', { facts: { name: said } })
  if (said === undefined && isNameKept(room, name)) throw keyProblem('agent_name_reserved', { facts: { name } })
}

function originOf(invite: ReturnType<typeof readInvite> | undefined): AgentOrigin {
  if (invite === undefined) return 'public'
  return invite.name ? 'named-invite' : 'invite'
}

/** After an incident: a new key for an agent whose old ones are gone. */
async function rekey(room: Room, asked: Registration, invite: ReturnType<typeof readInvite>): Promise<Registered> {
  const agent = room.directory.agent(invite.agent as string)
  if (agent === undefined) throw identityProblem('agent_unknown')
  if (agent.status === 'revoked') throw identityProblem('agent_revoked')
  if (!asked.proven) throw keyProblem('proof_invalid')
  const key = newKeyRow(room, { agent: agent.id, key: asked.key, attestation: asked.attestation })
  const by = { kind: 'agent' as const, id: agent.id, key: key.thumbprint }
  await room.storage.write(async (tx) => {
    await useInviteInto(tx, invite, room.clock.now(), agent.id)
    await addKeyInto(tx, key, by)
  })
  return { agent, key: room.keys.key(key.id) as AgentKey }
}
