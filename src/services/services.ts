import type { Clock } from '../ground/clock.ts'
import { newId, type ServiceId } from '../ground/ids.ts'
import { type Origin, originMatches } from '../ground/origin.ts'
import { Problem } from '../ground/problem.ts'
import type { Actor, Change, Storage, Tx } from '../storage/storage.ts'
import { within } from '../storage/within.ts'
import { compileService, type ServiceRecord } from './compile.ts'
import { type Service, type ServiceInput, serviceProblem } from './contract.ts'
import { defineService } from './define.ts'
import { readAuthorities } from './read-authorities.ts'
import { loadServices, nameIsTaken, putService, removeService } from './store.ts'

export interface Replaced {
  readonly service: Service
  /** `href` of the origins before and after, sorted: where they differ, credentials must be sealed anew for them. */
  readonly oldOrigins: readonly string[]
  readonly newOrigins: readonly string[]
}

/**
 * What is out there: the upstream APIs, as the operator described them.
 *
 * Owns: the `services` table and the compiled entries that calls are resolved with.
 * Invariant: an entry is compiled from a row whose MAC held, before the row was committed; what does not compile is never
 * stored. Entries are immutable: a call that resolved with one keeps it to its end.
 * Refuses: to hold a secret, to guess an origin, to know an agent.
 */
export class Services {
  readonly #storage: Storage
  readonly #clock: Clock
  readonly #byName = new Map<string, Service>()
  readonly #byId = new Map<ServiceId, Service>()
  /** By `href` of an origin; until a service changes. */
  readonly #at = new Map<string, readonly Service[]>()

  constructor({ storage, clock }: { storage: Storage; clock: Clock }) {
    this.#storage = storage
    this.#clock = clock
    storage.follow((change) => this.#follow(change))
  }

  /** After unsealing. `bad`: ids of rows that are not believed or cannot be read any more; they are not served. */
  async load(): Promise<{ bad: readonly string[] }> {
    const { records, bad } = await loadServices(this.#storage)
    this.clear()
    for (const record of records) {
      const service = compileStored(record)
      if (service === undefined) bad.push(record.id)
      else this.#enter(service)
    }
    return { bad }
  }

  /** At sealing: nothing is known any more. */
  clear(): void {
    this.#at.clear()
    this.#byName.clear()
    this.#byId.clear()
  }

  byName(name: string): Service | undefined {
    return this.#byName.get(name)
  }

  /** Those that name the origin; by name. */
  at({ scheme, host, port, href }: Origin): readonly Service[] {
    const known = this.#at.get(href)
    if (known !== undefined) return known
    const named = this.list().filter(({ origins }) => origins.some((one) => originMatches(one, host, port, scheme)))
    // Of those alone that are there: others are a caller's to invent.
    if (named.length > 0) this.#at.set(href, named)
    return named
  }

  byId(id: ServiceId): Service | undefined {
    return this.#byId.get(id)
  }

  /** By name or id. Throws Problem `service_unknown`. */
  find(nameOrId: string): Service {
    const found = this.#byName.get(nameOrId) ?? this.#byId.get(nameOrId as ServiceId)
    if (found === undefined) throw serviceProblem('service_unknown', { facts: { service: nameOrId } })
    return found
  }

  /** By name. */
  list(): readonly Service[] {
    return [...this.#byName.values()].sort((one, other) => (one.name < other.name ? -1 : 1))
  }

  /**
   * Give `tx` to write more with it, or none of it. Throws Problem `service_exists`, `service_template_unknown`, and what
   * compileService() throws.
   */
  async add(input: ServiceInput, by: Actor, tx?: Tx): Promise<Service> {
    const { name, definition } = defineService(input)
    const now = this.#clock.now()
    return this.#write({ id: newId('srv'), name, definition, createdAt: now, updatedAt: now }, 'added', by, tx)
  }

  /**
   * Puts another definition in the place of the old one, under the same id: grants go on to hold. The caller seals the
   * credentials for the new origins. Throws Problem `service_unknown`, `service_invalid` (another name), and as add().
   */
  async replace(nameOrId: string, input: ServiceInput, by: Actor, tx?: Tx): Promise<Replaced> {
    const old = this.find(nameOrId)
    const { name, definition } = defineService(input)
    if (name !== old.name) {
      throw serviceProblem('service_invalid', { detail: 'A service keeps its name: scopes and URLs are made of it.' })
    }
    const { createdAt } = old.view
    const record = { id: old.id, name, definition, createdAt, updatedAt: this.#clock.now() }
    const service = await this.#write(record, 'replaced', by, tx)
    return { service, oldOrigins: old.originHrefs, newOrigins: service.originHrefs }
  }

  /** The caller revokes the grants on it. Throws Problem `service_unknown`. */
  async remove(nameOrId: string, by: Actor, tx?: Tx): Promise<Service> {
    const { id } = this.find(nameOrId)
    return within(
      this.#storage,
      tx,
      async (tx) => {
        const service = this.#byId.get(id)
        if (service === undefined) throw serviceProblem('service_unknown', { facts: { service: nameOrId } })
        await removeService(tx, id)
        await tx.change({
          kind: 'service',
          ref: id,
          record: { type: 'config', actor: by, ev: { what: 'service.removed', service: service.name, id } },
        })
        return service
      },
      { urgent: true },
    )
  }

  async #write(
    made: Omit<ServiceRecord, 'epoch'>,
    what: 'added' | 'replaced',
    by: Actor,
    given?: Tx,
  ): Promise<Service> {
    compileService({ ...made, epoch: 0 })
    let service: Service | undefined
    await within(this.#storage, given, async (tx) => {
      if (what === 'added' && (await nameIsTaken(tx, made.name))) {
        throw serviceProblem('service_exists', { facts: { service: made.name } })
      }
      if (what === 'replaced' && !this.#byId.has(made.id)) throw serviceProblem('service_unknown')
      await putService(tx, made)
      const after: { service?: Service } = {}
      const epoch = await tx.change({ kind: 'service', ref: made.id, after, record: configRecord(made, what, by) })
      service = compileService({ ...made, epoch })
      after.service = service
    })
    return service!
  }

  #follow({ kind, ref, after }: Change): void {
    if (kind !== 'service') return
    this.#at.clear()
    this.#leave(ref as ServiceId)
    const { service } = (after ?? {}) as { service?: Service }
    if (service !== undefined) this.#enter(service)
  }

  #enter(service: Service): void {
    this.#byName.set(service.name, service)
    this.#byId.set(service.id, service)
  }

  #leave(id: ServiceId): void {
    const old = this.#byId.get(id)
    if (old === undefined) return
    this.#byId.delete(id)
    this.#byName.delete(old.name)
  }
}

export function createServices(options: { storage: Storage; clock: Clock }): Services {
  return new Services(options)
}

function configRecord({ id, name, definition }: Omit<ServiceRecord, 'epoch'>, what: string, actor: Actor) {
  const unsafe = [definition.unsafeNoScrub && 'no-scrub', definition.unsafePlainHttp && 'plain-http'].filter(
    (one) => typeof one === 'string',
  )
  const ev = {
    what: `service.${what}`,
    service: name,
    id,
    origins: [...definition.origins],
    actions: Object.keys(definition.actions).length,
    ...(unsafe.length > 0 && { unsafe }),
    ...(definition.addresses !== undefined && { addresses: [...definition.addresses] }),
    ...(definition.trust !== undefined && { trust: [...(readAuthorities(definition.trust)?.fingerprints ?? [])] }),
  }
  return { type: 'config', actor, ev }
}

/** A stored definition that this version would refuse is not served; anything but a refusal is a bug. */
function compileStored(record: ServiceRecord): Service | undefined {
  try {
    return compileService(record)
  } catch (error) {
    if (error instanceof Problem) return undefined
    throw error
  }
}
