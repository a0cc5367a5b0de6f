import type { Clock } from '../ground/clock.ts'
import { type AgentId, type CallId, type CredentialId, type GrantId, newId, type ServiceId } from '../ground/ids.ts'
import type { Actor, Change, Storage, Tx } from '../storage/storage.ts'
import { within } from '../storage/within.ts'
import { checkLabel, checkLimits, chooseCredentials, readScopes } from './check-grant.ts'
import { type Grant, type GrantView, grantProblem, type NewGrant } from './contract.ts'
import { GrantEntries, type GrantRecord } from './entries.ts'
import { RateLimits } from './limits.ts'
import { getBelieved, getGrant, liveGrants, loadGrants, putGrant } from './store.ts'
import { Uses } from './uses.ts'
import { viewOf } from './view.ts'

/**
 * What each agent was given: agent × service × scopes (× credential), with limits and an end.
 *
 * Owns: the tables `grants`, `grant_counters`, `grant_uses`, `grant_calls`; the rate of each grant, in memory.
 * Invariant: a grant in memory is one whose row's MAC held; a use is counted before anything is sent, and never twice.
 * Refuses: scopes that mean nothing on the service, a credential that is neither named nor the only one.
 */
export class Grants {
  readonly #storage: Storage
  readonly #clock: Clock
  readonly #entries = new GrantEntries()
  readonly #limits: RateLimits
  readonly #uses: Uses

  constructor({ storage, clock }: { storage: Storage; clock: Clock }) {
    this.#storage = storage
    this.#clock = clock
    this.#limits = new RateLimits(clock)
    this.#uses = new Uses(storage, clock, (id, change) => {
      const entry = this.#entries.get(id)
      if (entry !== undefined) entry.used = change(entry.used)
    })
    storage.follow((change) => this.#follow(change))
  }

  /** After unsealing. `bad`: ids of grants that are not believed, and so give nothing. */
  async load(): Promise<{ bad: readonly string[] }> {
    const { records, bad } = await loadGrants(this.#storage)
    this.#entries.clear()
    for (const record of records) this.#entries.put(record)
    return { bad }
  }

  /** At sealing. Rates are kept: sealing must not be a way to a fresh minute. */
  clear(): void {
    this.#entries.clear()
  }

  /** Revoked ones too. */
  get count(): number {
    return this.#entries.size
  }

  /** In the order in which they were given, expired and used-up ones too, but none that is revoked. From memory. */
  of(agent: AgentId, service: ServiceId): readonly Grant[] {
    return this.#entries.of(agent, service)
  }

  /** Throws Problem `grant_unknown`. */
  find(id: string): GrantView {
    const grant = this.#entries.get(id as GrantId)
    if (grant === undefined) throw grantProblem('grant_unknown', { facts: { grant: id } })
    return viewOf(grant, this.#clock.now())
  }

  /** In the order in which they were given, revoked ones too. */
  list(agent?: AgentId): readonly GrantView[] {
    const now = this.#clock.now()
    return [...this.#entries.all()]
      .filter((one) => agent === undefined || one.agent === agent)
      .map((one) => viewOf(one, now))
  }

  /**
   * Gives a grant. One with the same agent, service, scopes and credentials is replaced, so that its limits change; one
   * with a label, whatever credentials it names. What a door gave and what others gave do not replace each other.
   * Throws Problem `scope_invalid`, `scope_unknown`, `label_invalid`, `credential_needed`, `credential_ambiguous`,
   * `credential_not_of_service`, `grant_invalid`.
   */
  async add(wanted: NewGrant, by: Actor, given?: Tx): Promise<GrantView> {
    const now = this.#clock.now()
    checkLimits(wanted, now)
    const label = wanted.label === undefined ? undefined : checkLabel(wanted.service, wanted.label)
    const record: GrantRecord = {
      id: newId('grt'),
      agent: wanted.agent,
      service: wanted.service.id,
      scopes: label === undefined ? readScopes(wanted.service, wanted.scopes) : [],
      ...chooseCredentials(wanted),
      label,
      door: wanted.door,
      rpm: wanted.rpm,
      uses: wanted.uses,
      expiresAt: wanted.expiresAt,
      createdAt: now,
      revokedAt: undefined,
      used: 0,
    }
    await within(this.#storage, given, async (tx) => {
      for (const id of await liveGrants(tx, record)) {
        // One of this very moment is in no memory yet; one that other hands edited is in none, and gives nothing.
        const old = this.#entries.get(id) ?? (await getBelieved(tx, id))
        if (old !== undefined && sameSubject(old, record)) await this.#revoke(tx, id, by)
      }
      await putGrant(tx, record)
      const ev = eventOf(record)
      await tx.change({ kind: 'grant', ref: record.id, after: record, record: { type: 'grant', actor: by, ev } })
    })
    return viewOf({ ...record, status: 'active' }, now)
  }

  /**
   * Moves the end of a grant that was not taken back. What runs on it goes on: nothing of what it allows is other.
   * Throws Problem `grant_unknown`, `grant_invalid`.
   */
  async extend(id: GrantId, expiresAt: number, by: Actor): Promise<void> {
    checkLimits({ expiresAt }, this.#clock.now())
    await this.#storage.write(async (tx) => {
      const record = await getGrant(tx, id)
      if (record === undefined || record.revokedAt !== undefined) throw grantProblem('grant_unknown')
      const extended = { ...record, expiresAt }
      await putGrant(tx, extended)
      const ev = { what: 'grant.extended', id, agent: record.agent, service: record.service, expiresAt }
      const change = { kind: 'grant_extended', ref: id, after: extended, record: { type: 'grant', actor: by, ev } }
      await tx.change(change)
    })
  }

  /** Takes a grant back; nothing happens to one that is revoked already. Throws Problem `grant_unknown`. */
  async revoke(id: string, by: Actor, tx?: Tx): Promise<GrantView> {
    await this.#revokeAll([this.find(id).id as GrantId], by, tx)
    return this.find(id)
  }

  /** Takes back all grants of the agent. Gives the ids of those that it ended. */
  revokeOf(agent: AgentId, by: Actor): Promise<readonly GrantId[]> {
    return this.#revokeWhere((grant) => grant.agent === agent, by)
  }

  revokeOfService(service: ServiceId, by: Actor, tx?: Tx): Promise<readonly GrantId[]> {
    return this.#revokeWhere((grant) => grant.service === service, by, tx)
  }

  revokeOfCredential(credential: CredentialId, by: Actor, tx?: Tx): Promise<readonly GrantId[]> {
    return this.#revokeWhere((grant) => grant.credentials.includes(credential), by, tx)
  }

  /**
   * All of everybody, at once: those that came to be a moment before, and are in no memory yet, as well, and those whose
   * rows other hands edited since. Gives how many it ended.
   */
  async revokeAll(by: Actor): Promise<number> {
    return this.#storage.write(
      async (tx) => {
        const known = [...this.#entries.all()].filter(({ status }) => status === 'active').map(({ id }) => id)
        let ended = 0
        for (const id of new Set([...known, ...(await liveGrants(tx))]))
          ended += (await this.#revoke(tx, id, by)) ? 1 : 0
        return ended
      },
      { urgent: true },
    )
  }

  /** Whether the grant gives this credential of its service; `restricted` is what its metadata says of that. */
  gives(grant: Pick<Grant, 'credentials' | 'reach'>, credential: CredentialId, restricted?: string): boolean {
    return this.#entries.gives(grant, credential, restricted)
  }

  /** Of those whose uses are counted: when it is not known any more how many there were. */
  revokeCounted(by: Actor): Promise<readonly GrantId[]> {
    return this.#revokeWhere((grant) => grant.uses !== undefined, by)
  }

  /** Whether the grant's rate allows one more call now; takes nothing. */
  rateAllows(grant: { readonly id: GrantId }): boolean {
    return this.rateWaitMs(grant) <= 0
  }

  /** Milliseconds until the grant's rate allows a call; Infinity if it allows none ever, or there is no such grant. */
  rateWaitMs({ id }: { readonly id: GrantId }): number {
    const entry = this.#entries.get(id)
    return entry === undefined ? Number.POSITIVE_INFINITY : this.#limits.waitMs(entry)
  }

  /** Takes one call from the grant's rate; false, and nothing taken, if it allows none now. */
  takeRate({ id }: { readonly id: GrantId }): boolean {
    const entry = this.#entries.get(id)
    return entry !== undefined && this.#limits.take(entry)
  }

  /**
   * Uses the grant once for this call; committed when it resolves. False when it is used up, ended or taken back.
   * Throws Problem `row_tampered` if a counter was changed by other hands.
   */
  consume(id: GrantId, rid: CallId): Promise<boolean> {
    return this.#uses.consume(id, rid)
  }

  /** Gives a use back whose call was refused after all, with nothing sent and no intent on record. */
  giveBack(id: GrantId, rid: CallId): Promise<boolean> {
    return this.#uses.giveBack(id, rid)
  }

  /**
   * At boot, after load(): gives back the uses of calls that an earlier process counted and never put on record, since an
   * intact log without the intent proves that nothing was sent. `recorded` says which of the ids are in the log. Gives how
   * many.
   */
  settle(recorded: (rids: readonly CallId[]) => Promise<ReadonlySet<string>>): Promise<number> {
    return this.#uses.settle(recorded)
  }

  async #revokeWhere(isMeant: (grant: Grant) => boolean, by: Actor, tx?: Tx): Promise<readonly GrantId[]> {
    const meant = [...this.#entries.all()].filter((grant) => grant.status === 'active' && isMeant(grant))
    const ids = meant.map((grant) => grant.id)
    await this.#revokeAll(ids, by, tx)
    return ids
  }

  async #revokeAll(ids: readonly GrantId[], by: Actor, given?: Tx): Promise<void> {
    if (ids.length === 0) return
    await within(
      this.#storage,
      given,
      async (tx) => {
        for (const id of ids) await this.#revoke(tx, id, by)
      },
      { urgent: true },
    )
  }

  /** False for one that was revoked before. By what is in memory, which was believed, where other hands edited the row. */
  async #revoke(tx: Tx, id: GrantId, by: Actor): Promise<boolean> {
    const record = (await getBelieved(tx, id)) ?? this.#entries.get(id)?.toRecord()
    if (record === undefined || record.revokedAt !== undefined) return false
    const revoked = { ...record, revokedAt: this.#clock.now() }
    await putGrant(tx, revoked)
    const ev = { what: 'grant.revoked', id, agent: record.agent, service: record.service }
    await tx.change({ kind: 'grant', ref: id, after: revoked, record: { type: 'revoke', actor: by, ev } })
    return true
  }

  #follow({ kind, ref, after }: Change): void {
    if ((kind !== 'grant' && kind !== 'grant_extended') || after === undefined) return
    const record = after as GrantRecord
    const used = this.#entries.get(ref as GrantId)?.used ?? record.used
    this.#entries.put({ ...record, used })
    if (record.revokedAt !== undefined) this.#limits.forget(record.id)
  }
}

export function createGrants(options: { storage: Storage; clock: Clock }): Grants {
  return new Grants(options)
}

type Subject = Pick<GrantRecord, 'scopes' | 'credentials' | 'label' | 'door'>

function sameSubject(one: Subject, other: Subject): boolean {
  if (one.door !== other.door) return false
  if (one.label !== undefined || other.label !== undefined) return one.label?.text === other.label?.text
  const same = (left: readonly string[], right: readonly string[]) =>
    left.length === right.length && [...left].sort().join(' ') === [...right].sort().join(' ')
  return same(one.scopes, other.scopes) && same(one.credentials, other.credentials)
}

function eventOf({ used: _, scopes, credentials: [credential, ...others], label, ...rest }: GrantRecord) {
  const several = others.length > 0 && { credentials: [credential as string, ...others] }
  return { ...rest, credential, ...several, label: label?.text, scopes: [...scopes], what: 'grant.added' }
}
