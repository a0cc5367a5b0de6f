import type { P256PublicKey } from '../../crypto/p256.ts'
import type { AgentId } from '../../ground/ids.ts'
import type { Actor } from '../../storage/storage.ts'
import { requireAgent } from '../agents.ts'
import { identityProblem } from '../contract.ts'
import type { Room } from '../room.ts'
import { addKey, forgetAttestation, revokeKey, revokeKeyInto } from './agent-keys.ts'
import type { AddedKey, InviteView, KeyView } from './contract.ts'
import {
  type Invite,
  invite,
  openInviteShown,
  openInvites,
  revokeInvite,
  revokeInvites,
  revokeLeakedInvite,
} from './invites.ts'
import type { AgentKey } from './key-ring.ts'
import { provenKey } from './registration-proof.ts'

interface AskedInvite {
  readonly agent?: string | undefined
  readonly name?: string | undefined
  readonly ttlSeconds?: number | undefined
}

/** What operators and agents do with keys. Agents go by id or name. */
export class AgentKeys {
  readonly #room: Room

  constructor(room: Room) {
    this.#room = room
  }

  /**
   * A one-time invite for a new agent, which may say its name, or for a new key of `agent` (id or name). Throws Problems
   * `agent_unknown`, `agent_name_taken`.
   */
  async invite({ agent: known, name, ttlSeconds }: AskedInvite, by: Actor): Promise<Invite> {
    const agent = known === undefined ? undefined : this.#agent(known)
    const taken = name !== undefined && this.#room.directory.agent(name) !== undefined
    if (taken) throw identityProblem('agent_name_taken', { facts: { name } })
    const lifeMs = ttlSeconds === undefined ? undefined : ttlSeconds * 1_000
    return invite(this.#room, { agent, name, lifeMs }, by)
  }

  /** The name that an invite says, where it is good and says one. */
  nameOf(presented: string): string | undefined {
    return openInviteShown(this.#room, presented)?.name ?? undefined
  }

  /** Those that may still be used. */
  invites(): InviteView[] {
    return openInvites(this.#room).map(
      ({ id, agent, name, operator, created_at: createdAt, expires_at: expiresAt }) => {
        const agentName = agent === null ? undefined : this.#room.directory.agent(agent)?.name
        const named = { ...(agent !== null && { agent }), ...(agentName !== undefined && { agentName }) }
        return { id, ...named, ...(name && { name }), operator, createdAt, expiresAt }
      },
    )
  }

  /** Throws Problem `invite_unknown`. */
  revokeInvite(id: string, by: Actor): Promise<void> {
    return revokeInvite(this.#room, id, by)
  }

  /** Ends an invite that somebody found and shows. False if it is none of ours. */
  revokeLeakedInvite(presented: string): Promise<boolean> {
    return revokeLeakedInvite(this.#room, presented)
  }

  list(idOrName: string): KeyView[] {
    const { keys, clock, keyMaxAgeMs } = this.#room
    return keys.of(this.#agent(idOrName)).map((key) => key.view(clock.now(), keyMaxAgeMs))
  }

  /** Throws Problems `agent_unknown`, `public_key_invalid`, `proof_invalid`, `key_taken`, `key_too_many`. */
  async add(idOrName: string, asked: AddedKey, by: Actor): Promise<KeyView> {
    const { clock, keyMaxAgeMs, issuer } = this.#room
    const agent = this.#agent(idOrName)
    const { attestation, retireOthersAfterSeconds: seconds } = asked
    const key = provenKey(asked.publicKey, asked.proof, issuer(), clock.now())
    const retireOthersMs = seconds === undefined ? undefined : seconds * 1_000
    const added = await addKey(this.#room, { agent, key, attestation, retireOthersMs }, by)
    return added.view(clock.now(), keyMaxAgeMs)
  }

  /** The same for a key whose possession a door has shown in its own way. */
  async addProven(idOrName: string, { key }: { readonly key: P256PublicKey }, by: Actor): Promise<KeyView> {
    const { clock, keyMaxAgeMs } = this.#room
    const added = await addKey(this.#room, { agent: this.#agent(idOrName), key }, by)
    return added.view(clock.now(), keyMaxAgeMs)
  }

  /** Throws Problems `agent_unknown`, `key_unknown`, `key_last`. */
  async revoke(asked: { agent: string; key: string; evenLast?: boolean }, by: Actor): Promise<void> {
    await revokeKey(this.#room, { ...asked, agent: this.#agent(asked.agent) }, by)
  }

  /** Every key of an agent, and every invite for another: for an incident. Resolves to how many keys there were. */
  async revokeAll(idOrName: string, by: Actor): Promise<number> {
    const agent = this.#agent(idOrName)
    await revokeInvites(this.#room, agent, by)
    return this.#revoke(this.#room.keys.of(agent), by)
  }

  /** Everybody's: after an older database was accepted, since one that was given up or used may be back. */
  async withdraw(by: Actor): Promise<number> {
    await revokeInvites(this.#room, undefined, by)
    return this.#revoke(this.#room.keys.all(), by)
  }

  async #revoke(keys: Iterable<AgentKey>, by: Actor): Promise<number> {
    const live = [...keys].filter((key) => key.status !== 'revoked')
    await this.#room.storage.write(
      async (tx) => {
        for (const key of live) await revokeKeyInto(this.#room, tx, key, by)
      },
      { urgent: true },
    )
    return live.length
  }

  /** Forgets what hardware said of the keys of an agent. Resolves to how many there were. */
  async dropAttestations(idOrName: string, by: Actor): Promise<number> {
    const { keys, storage } = this.#room
    const told = keys.of(this.#agent(idOrName)).filter(({ row }) => row.attestation !== null)
    await storage.write(async (tx) => {
      for (const { id } of told) await forgetAttestation(tx, id, by)
    })
    return told.length
  }

  /** Throws Problem `agent_unknown`. */
  #agent(idOrName: string): AgentId {
    return requireAgent(this.#room.directory.agent(idOrName)).id
  }
}
