import type { P256PublicKey } from '../../crypto/p256.ts'
import type { Actor } from '../../storage/storage.ts'
import { addAgentInto, newAgentRow } from '../agents.ts'
import type { AgentEntry } from '../contract.ts'
import { identityProblem } from '../contract.ts'
import type { Room } from '../room.ts'
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
 * `registration_closed`, `invite_invalid`, `agent_name_invalid`, `agent_name_taken`, `key_taken`.
 */
export async function register(room: Room, asked: Registration): Promise<Registered> {
  const { behind } = asked
  if (behind === 'nobody' && !room.publicRegistration) throw keyProblem('registration_closed')
  const invite = behind !== 'nobody' && 'invite' in behind ? readInvite(room, behind.invite) : undefined
  if (invite?.agent) return rekey(room, asked, invite)
  const operator = behind !== 'nobody' && 'operator' in behind ? behind.operator : undefined
  const row = newAgentRow(room, {
    name: asked.name,
    email: asked.email,
    label: asked.label,
    status: behind !== 'nobody' && asked.proven ? 'active' : 'pending',
    origin: operator ? 'operator' : invite ? 'invite' : 'public',
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
