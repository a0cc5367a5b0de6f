// By what the gate knows that an agent may use a service of the vault: a grant of the house, made when it is first wanted,
// that counts for calls through this door alone. Elsewhere the checks of the contract are not made.

import type { NewGrant } from '../../grants/contract.ts'
import type { Grants } from '../../grants/grants.ts'
import type { AgentId, GrantId, ServiceId } from '../../ground/ids.ts'
import type { Tx } from '../../storage/storage.ts'
import type { CompiledService } from './compiled-service.ts'
import { DOOR, type DoorGrant, MAX_TTL_SECONDS } from './contract.ts'
import { type AdminNeeds, VAULT_ADMIN } from './needs.ts'
import { refused } from './refusal.ts'
import { isRevokedIn, putGrant, removeGrant } from './store.ts'
import { revocationId } from './vault-book.ts'

/** What an agent is given that is not named, but only meant by `*`: it ends when the agent does not come back. */
const UNNAMED_LIFE_MS = 3_600_000
/** The longest a token can still be used. */
const LONGEST_MS = MAX_TTL_SECONDS * 1_000

/** The grant by which a call is judged, and until when nothing of it need be asked again. */
export interface Ready {
  readonly grant: GrantId | undefined
  readonly until: number
}

const NOT_YET: Ready = { grant: undefined, until: 0 }

type Agent = { readonly id: AgentId; readonly name: string }

export class DoorGrants {
  readonly #needs: AdminNeeds
  readonly #making = new Map<string, Promise<Ready>>()

  constructor(needs: AdminNeeds) {
    this.#needs = needs
  }

  /**
   * Sees to it that the gate lets this agent use the service as it is now. Without a grant where there is nothing to give
   * yet. Throws `AGENT_REVOKED`, and `POLICY_DENY` where an operator took the grant back: what the house forbids this door
   * does not give again, until the service is described anew.
   */
  ensure(agent: Agent, service: CompiledService): Promise<Ready> {
    const key = `${agent.id} ${service.id}`
    const running = this.#making.get(key)
    if (running !== undefined) return running.then(() => this.ensure(agent, service))
    const made = this.#ensure(agent, service).finally(() => this.#making.delete(key))
    this.#making.set(key, made)
    return made
  }

  /** Takes back all that was made for a service; agents that may still use it get new ones when they come. */
  async withdraw(service: ServiceId, tx: Tx): Promise<void> {
    for (const grant of this.#needs.book.grantsOf(service)) await this.#drop(grant, tx)
  }

  async #ensure(agent: Agent, service: CompiledService): Promise<Ready> {
    const { clock, grants, book, rpm } = this.#needs
    if (book.isRevoked('agent', agent.id, agent.id)) throw refused('AGENT_REVOKED')
    if (service.wantsSecret && service.credential === undefined) return NOT_YET
    const stamp = `${service.stamp}.${rpm ?? ''}`
    const known = book.grantOf(agent.id, service.id)
    if (known?.stamp !== stamp) return this.#give(agent, service, stamp, known)
    const view = grants.find(known.id)
    if (view.status === 'revoked') throw refused('POLICY_DENY')
    const { id: grant } = known
    if (view.expiresAt === undefined) return { grant, until: Number.POSITIVE_INFINITY }
    const now = clock.now()
    if (view.expiresAt <= now) return this.#give(agent, service, stamp, known)
    if (view.expiresAt > now + LONGEST_MS) return { grant, until: view.expiresAt - LONGEST_MS }
    await grants.extend(grant, now + UNNAMED_LIFE_MS, VAULT_ADMIN)
    return { grant, until: now + UNNAMED_LIFE_MS - LONGEST_MS }
  }

  async #give(agent: Agent, service: CompiledService, stamp: string, old: DoorGrant | undefined): Promise<Ready> {
    const { clock, grants, storage } = this.#needs
    const wanted = this.#wanted(agent, service)
    if (wanted === undefined) return NOT_YET
    const grant = await storage.write(async (tx) => {
      // A revocation of this very moment is in no memory yet.
      if (await isRevokedIn(tx, revocationId('agent', agent.id, agent.id))) throw refused('AGENT_REVOKED')
      if (old !== undefined) await this.#drop(old, tx)
      const { id } = await grants.add(wanted, VAULT_ADMIN, tx)
      const put: DoorGrant = { id: id as GrantId, agent: agent.id, service: service.id, stamp }
      await putGrant(tx, put)
      const record = { type: 'grant', actor: VAULT_ADMIN, ev: { what: 'agentvault.grant', grant: id, agent: agent.id } }
      await tx.change({ kind: 'agentvault_grant', ref: id, after: { put }, record })
      return put.id
    })
    const until = wanted.expiresAt === undefined ? Number.POSITIVE_INFINITY : clock.now() + UNNAMED_LIFE_MS - LONGEST_MS
    return { grant, until }
  }

  /** Undefined where there is nothing to give. */
  #wanted(agent: Agent, service: CompiledService): NewGrant | undefined {
    const { clock, services, rpm } = this.#needs
    const native = services.byId(service.id)
    const scopes = service.grantScopes(service.scopesFor(agent))
    if (native === undefined || scopes.length === 0) return undefined
    const { definition, credential } = service
    const named = definition.allowedAgents.includes(agent.name) || definition.allowedAgents.includes(agent.id)
    return {
      agent: agent.id,
      service: native,
      scopes,
      door: DOOR,
      credential,
      credentials: credential === undefined ? [] : [{ id: credential, handle: credential }],
      rpm,
      expiresAt: named ? undefined : clock.now() + UNNAMED_LIFE_MS,
    }
  }

  #drop(grant: DoorGrant, tx: Tx): Promise<void> {
    return drop(this.#needs.grants, grant, tx)
  }
}

/**
 * Ends what the door gave before grants were bound to their door: such a grant counts on every way in. Agents get new
 * ones when they come. What an operator took back stays in the book.
 */
export async function withdrawUnbound({ storage, grants, book }: UnboundNeeds): Promise<number> {
  const unbound = book.grants().filter(({ id }) => {
    const { door, status } = grants.find(id)
    return door === undefined && status !== 'revoked'
  })
  if (unbound.length === 0) return 0
  await storage.write(async (tx) => {
    for (const grant of unbound) await drop(grants, grant, tx)
  })
  return unbound.length
}

interface UnboundNeeds extends Pick<AdminNeeds, 'storage' | 'grants'> {
  readonly book: Pick<AdminNeeds['book'], 'grants'>
}

/**
 * Takes back what was made for an agent that is revoked here. What an operator took back stays in the book, so that it is
 * not given again when the agent is.
 */
export async function withdrawFrom(
  { book, grants }: Pick<AdminNeeds, 'book' | 'grants'>,
  agent: AgentId,
  tx: Tx,
): Promise<void> {
  for (const grant of book.grantsTo(agent)) {
    if (grants.find(grant.id).status !== 'revoked') await drop(grants, grant, tx)
  }
}

async function drop(grants: Grants, grant: DoorGrant, tx: Tx): Promise<void> {
  await grants.revoke(grant.id, VAULT_ADMIN, tx)
  await removeGrant(tx, grant.id)
  const record = { type: 'revoke', actor: VAULT_ADMIN, ev: { what: 'agentvault.grant_ended', grant: grant.id } }
  await tx.change({ kind: 'agentvault_grant', ref: grant.id, after: { removed: grant }, record })
}
