/**
 * New access tokens for connections, one at a time for each.
 * Owns the flights of this process, the leases, and what was given and could not be written yet (sealed).
 * Invariant: a refresh token is shown once at a time, here and in other processes; what comes back is durable before any
 * of it is used; the database holds a whole token set at every moment, the old one or the new one.
 * Refuses: to ask a place that the service does not have; to ask again where the provider said no.
 */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../../ground/clock.ts'
import type { CredentialId } from '../../ground/ids.ts'
import type { Outbound } from '../../http/outbound.ts'
import type { Permit } from '../../policy/permit.ts'
import type { Storage } from '../../storage/storage.ts'
import { vaultProblem } from '../contract.ts'
import type { CredentialEntries, Entry } from '../credential-entries.ts'
import type { Credentials } from '../credentials.ts'
import { openEntry } from '../open-entry.ts'
import type { OpenedCache } from '../opened-cache.ts'
import type { Sealing } from '../sealing.ts'
import type { SealedConnection } from './contract.ts'
import { failureOf, RenewalFailure } from './failure.ts'
import { type PlacesOf, securePlaces, tokenOrigin, tokenUrlOf } from './places.ts'
import { connectionOf } from './sealed.ts'
import { TokenKeeper } from './token-keeper.ts'
import { requestToken, type Send } from './token-request.ts'

export interface RenewalParts {
  readonly storage: Storage
  readonly clock: Clock
  readonly sealing: Sealing
  readonly entries: CredentialEntries
  readonly cache: OpenedCache
  readonly credentials: Credentials
  readonly outbound: Outbound | undefined
  readonly placesOf: PlacesOf
}

/** Why a renewal is asked for, as the record says it. */
export type Cause = { readonly cause: 'ending' | 'unauthorized' | 'operator'; readonly rid?: string }

/** How long one is waited for that another process makes, and how often it is looked for. Milliseconds. */
const OTHERS_MS = 20_000
const LOOK_MS = 100
/** After so many failures in a row, a wait: 1 s, 2 s, 4 s … 60 s. */
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 60_000
/** So many refusals by the service may force a renewal in a minute: a service that always refuses must not burn tokens. */
const FORCED = 3
const FORCED_IN_MS = 60_000

interface Pause {
  /** Of the token set that could not be renewed: another one is not held up by it. */
  readonly generation: number
  readonly until: number
  readonly failures: number
  readonly reason: string
}

export class Renewals {
  readonly #parts: RenewalParts
  readonly #keeper: TokenKeeper
  readonly #flights = new Map<CredentialId, Promise<void>>()
  readonly #pauses = new Map<CredentialId, Pause>()
  readonly #forced = new Map<CredentialId, number[]>()

  constructor(parts: RenewalParts) {
    this.#parts = parts
    this.#keeper = new TokenKeeper(parts, randomUUID())
  }

  /** After unsealing, with the home's lock held: whoever had a lease is gone. */
  begin(): Promise<void> {
    return this.#keeper.freeOthers()
  }

  /**
   * Makes the credential of a permit ready to be opened. Undefined, at once and without SQL, for everything but a token
   * that is about to end. Rejects with Problem `credential_needs_reauth`, `credential_refresh_failed`, or storage's.
   */
  prepare(permit: Permit): Promise<void> | undefined {
    const entry = permit.credential === undefined ? undefined : this.#parts.entries.byId(permit.credential)
    if (entry?.connection === undefined || entry.service !== permit.call.service) return undefined
    const now = this.#parts.clock.now()
    const { renewAt, endsAt, needsReauth } = entry.connection
    if (renewAt === undefined || now < renewAt || needsReauth !== undefined || entry.failed) return undefined
    const usable = endsAt !== undefined && now < endsAt
    const pause = this.#pauseOf(entry)
    if (pause !== undefined && now < pause.until) {
      if (usable) return undefined
      return Promise.reject(refreshFailed(pause, now))
    }
    return this.#renew(entry, { cause: 'ending', rid: permit.call.rid }).catch((error) => {
      const left = this.#parts.entries.byId(entry.id)?.connection
      // It ends soon, but it has not ended: one more call with it is better than none.
      if (error instanceof RenewalFailure && left?.endsAt !== undefined && this.#parts.clock.now() < left.endsAt) return
      throw this.#problemOf(entry.id, error)
    })
  }

  /**
   * After the service refused a token (401): whether there is another one now. Those that come while it is fetched wait for
   * it; a token that is not the present one needs no fetching. Never rejects.
   */
  async afterRefusal(id: CredentialId, generation: number, rid: string): Promise<boolean> {
    const entry = this.#parts.entries.byId(id)
    if (entry?.connection === undefined || entry.connection.needsReauth !== undefined) return false
    if (entry.connection.generation !== generation) return true
    if (entry.connection.fixed === true) return false
    if (!this.#flights.has(id) && !this.#mayForce(id)) return false
    try {
      await this.#renew(entry, { cause: 'unauthorized', rid })
      return (this.#parts.entries.byId(id)?.connection?.generation ?? 0) > generation
    } catch {
      return false
    }
  }

  /** Now, whatever its end: an operator tries it out. Rejects as prepare() does. */
  async now(handleOrId: string): Promise<void> {
    const entry = this.#parts.credentials.known(handleOrId)
    if (entry.connection === undefined) throw vaultProblem('credential_not_connection')
    if (entry.connection.needsReauth !== undefined) throw vaultProblem('credential_needs_reauth')
    await this.#renew(entry, { cause: 'operator' }).catch((error) => {
      throw this.#problemOf(entry.id, error)
    })
  }

  /** Resolves when no request is on its way: before the database closes. */
  async settled(): Promise<void> {
    while (this.#flights.size > 0) await Promise.allSettled(this.#flights.values())
  }

  /** One flight for each credential: who comes later goes along. */
  #renew(entry: Entry, why: Cause): Promise<void> {
    const running = this.#flights.get(entry.id)
    if (running !== undefined) return running
    const flight = this.#fly(entry, why).finally(() => this.#flights.delete(entry.id))
    this.#flights.set(entry.id, flight)
    return flight
  }

  async #fly(entry: Entry, why: Cause): Promise<void> {
    const { generation } = entry.connection as { generation: number }
    if (await this.#keeper.keptMeanwhile(entry.id)) return
    const begun = await this.#begin(entry, generation, why)
    if (begun === undefined) return
    try {
      await this.#keeper.keep(begun, await this.#ask(begun))
      this.#pauses.delete(entry.id)
    } catch (error) {
      if (!(error instanceof RenewalFailure)) throw error
      await this.#failed(begun, error)
      throw error
    }
  }

  /** With the lease, and the wish on record; undefined where somebody else has renewed it meanwhile. */
  async #begin(entry: Entry, generation: number, why: Cause): Promise<Entry | undefined> {
    for (let looks = 0; ; looks += 1) {
      const begun = await this.#keeper.begin(entry.id, generation, why)
      if (begun !== 'taken') return begun
      if (looks * LOOK_MS >= OTHERS_MS) throw new RenewalFailure('unavailable', 'lease_taken')
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
  }

  async #ask(entry: Entry) {
    const { sealing, placesOf, outbound, clock } = this.#parts
    const bytes = openEntry(sealing.unlocked(), entry)
    if (bytes === undefined) throw new RenewalFailure('unavailable', 'integrity_failed')
    const connection: SealedConnection = connectionOf(bytes)
    bytes.fill(0)
    const places = placesOf(entry.service)
    try {
      tokenOrigin(tokenUrlOf(connection), places)
    } catch (error) {
      throw new RenewalFailure('unavailable', 'token_url_refused', error)
    }
    if (outbound === undefined || places === undefined) throw new RenewalFailure('unavailable', 'no_way_out')
    const [pinned, { allowed }] = [securePlaces(places), places]
    const send: Send = (request) => outbound({ ...request, pinned, allowed })
    const held = this.#keeper.kek()
    try {
      return { connection, renewed: await requestToken(connection, send, clock), held }
    } catch (error) {
      throw failureOf(error)
    }
  }

  async #failed(entry: Entry, failure: RenewalFailure): Promise<void> {
    const failures = (this.#pauseOf(entry)?.failures ?? 0) + 1
    const ms = Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS)
    const { generation } = entry.connection as { generation: number }
    const until = this.#parts.clock.now() + ms
    this.#pauses.set(entry.id, { generation, until, failures, reason: failure.reason })
    await this.#keeper.failed(entry, failure, failures === 1)
  }

  #problemOf(id: CredentialId, error: unknown): unknown {
    if (!(error instanceof RenewalFailure)) return error
    const facts = { reason: error.reason }
    if (error.verdict === 'refused') return vaultProblem('credential_needs_reauth', { facts, cause: error })
    const pause = this.#pauses.get(id)
    return pause ? refreshFailed(pause, this.#parts.clock.now()) : vaultProblem('credential_refresh_failed', { facts })
  }

  #pauseOf({ id, connection }: Entry): Pause | undefined {
    const pause = this.#pauses.get(id)
    return pause?.generation === connection?.generation ? pause : undefined
  }

  #mayForce(id: CredentialId): boolean {
    const now = this.#parts.clock.mono()
    const recent = (this.#forced.get(id) ?? []).filter((at) => now - at < FORCED_IN_MS)
    if (recent.length >= FORCED) return false
    this.#forced.set(id, [...recent, now])
    return true
  }
}

function refreshFailed({ reason, until }: Pause, now: number) {
  const facts = { reason, retryAfterSeconds: Math.max(1, Math.ceil((until - now) / 1_000)) }
  return vaultProblem('credential_refresh_failed', { facts })
}
