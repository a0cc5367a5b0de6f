import { type AddressSet, addressSet } from '../ground/addresses.ts'
import type { Parameters } from '../ground/fill-template.ts'
import type { ServiceId } from '../ground/ids.ts'
import type { Origin } from '../ground/origin.ts'
import type { PathTemplate } from '../ground/path-template.ts'
import type { Target } from '../ground/target.ts'
import { classMethods, classOf, type MethodClass, type ScopeMeaning } from '../policy/scope.ts'
import { ActionTable } from './action-table.ts'
import { type Action, bySpecificity, classResolution, compileActions, compilePaths } from './actions.ts'
import { callAction } from './call-action.ts'
import { checkInjection } from './check-injection.ts'
import { readOrigins } from './check-origins.ts'
import { readTokenOrigins } from './check-token-origins.ts'
import {
  type ActionCall,
  type Resolution,
  type Service,
  type ServiceDefinition,
  type ServiceView,
  serviceProblem,
} from './contract.ts'
import { explainScope, listScopes } from './explain-scope.ts'
import { readAuthorities } from './read-authorities.ts'
import { refuseRequestInQuery } from './request-in-query.ts'
import { secretShapeOf } from './secret-shape.ts'
import type { Injection } from './service-parts.ts'
import { Words } from './words.ts'

/** A definition with its name, as it is stored. */
export interface ServiceRecord {
  readonly id: ServiceId
  readonly name: string
  readonly definition: ServiceDefinition
  readonly createdAt: number
  readonly updatedAt: number
  readonly epoch: number
}

/**
 * Makes the entry that calls are resolved with. Whatever is wrong with a definition is found here, before it is stored:
 * throws Problem `service_invalid`, `origin_invalid`, `origin_plain_http`, `origin_private`, `address_range_invalid`,
 * `template_invalid`, `scope_invalid`, `action_duplicate`, `action_unreachable`.
 */
export function compileService(record: ServiceRecord): Service {
  return new CompiledService(record)
}

const CLASSES = Object.keys(classMethods) as MethodClass[]

class CompiledService implements Service {
  readonly id: ServiceId
  readonly name: string
  readonly origins: readonly Origin[]
  readonly originHrefs: readonly string[]
  readonly injection: Injection | undefined
  readonly secretShape: Service['secretShape']
  readonly timeouts: Service['timeouts']
  readonly allowed: AddressSet | undefined
  readonly trust: readonly string[] | undefined
  readonly http2: boolean
  readonly tokenOrigins: readonly Origin[]
  readonly scrub: boolean
  readonly strictAudit: boolean
  readonly plainQuery: ReadonlySet<string>
  readonly bodyFields: ReadonlySet<string> | undefined
  readonly epoch: number
  readonly view: ServiceView
  readonly #actions: readonly Action[]
  readonly #paths: readonly PathTemplate[]
  readonly #tables: ReadonlyMap<string, ActionTable>
  readonly #classes: Readonly<Record<MethodClass, Resolution>>
  readonly #words: Words

  constructor(record: ServiceRecord) {
    const { definition } = record
    this.id = record.id
    this.name = record.name
    this.epoch = record.epoch
    this.allowed = definition.addresses === undefined ? undefined : addressSet(definition.addresses)
    this.trust = readAuthorities(definition.trust)?.pems
    this.http2 = definition.http2 !== 'off'
    this.origins = readOrigins(definition, this.allowed)
    this.originHrefs = Object.freeze(this.origins.map((origin) => origin.href).sort())
    this.tokenOrigins = readTokenOrigins(definition, this.allowed)
    this.injection = checkInjection(definition, this.origins)
    this.secretShape = secretShapeOf(this.injection)
    this.timeouts = { connectMs: 5_000, headersMs: 30_000, idleMs: 120_000, ...definedOnly(definition.timeouts ?? {}) }
    this.scrub = definition.unsafeNoScrub !== true
    this.strictAudit = definition.auditMode === 'strict'
    this.plainQuery = new Set(definition.plainQuery)
    this.bodyFields = bodyFieldsOf(definition)
    this.view = viewOf(record)
    this.#actions = compileActions(record.name, definition)
    this.#paths = compilePaths(definition, this.#actions)
    this.#words = new Words(definition.words)
    this.#tables = tablesOf(this.#actions)
    const classes = CLASSES.map((name) => [name, Object.freeze(classResolution(record.name, name, definition))])
    this.#classes = Object.fromEntries(classes) as Record<MethodClass, Resolution>
  }

  resolve(method: string, target: Target): Resolution | undefined {
    const name = classOf(method)
    if (name === undefined) return undefined
    refuseRequestInQuery(method, target.query)
    const fallback = this.#classes[name]
    const found = this.#tables.get(method)?.resolve(target, fallback)
    if (!this.#pathAllowed(target, found?.matched === true)) return undefined
    return found?.resolution ?? fallback
  }

  callOf(name: string, given: Parameters): ActionCall {
    const action = this.#actions.find((one) => one.name === name)
    if (action === undefined) throw serviceProblem('action_unknown', { facts: { service: this.name, action: name } })
    return callAction(action, given, (method, target) => this.resolve(method, target))
  }

  wordAllows(word: string, method: string, target: Target): boolean {
    return this.#words.allow(word, method, target)
  }

  explainScope(scope: string): readonly ScopeMeaning[] {
    return explainScope(scope, { name: this.name, actions: this.#actions, paths: this.#paths, classes: this.#classes })
  }

  scopes(): readonly string[] {
    return listScopes({ name: this.name, actions: this.#actions, paths: this.#paths, classes: this.#classes })
  }

  #pathAllowed(target: Target, opened: boolean): boolean {
    for (const path of this.#paths) {
      if (path.matches(target, opened)) return true
    }
    return false
  }
}

/** HEAD is a GET without the answer's body: actions on GET speak for it, unless one on HEAD does. */
function tablesOf(actions: readonly Action[]): ReadonlyMap<string, ActionTable> {
  const methods = Map.groupBy(actions, (action) => action.method)
  const gets = methods.get('GET') ?? []
  const heads = methods.get('HEAD') ?? []
  const spoken = new Set(heads.map((action) => action.template.text))
  methods.set('HEAD', [...heads, ...gets.filter((action) => !spoken.has(action.template.text))].sort(bySpecificity))
  return new Map([...methods].map(([method, list]) => [method, new ActionTable(list)]))
}

function definedOnly<T extends object>(members: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never
}

function viewOf({ id, name, definition, createdAt, updatedAt }: ServiceRecord): ServiceView {
  return { id, name, ...definition, createdAt, updatedAt }
}

/** Each as a pointer; a name alone is at the top. */
function bodyFieldsOf({ bodyFields }: ServiceDefinition): ReadonlySet<string> | undefined {
  return bodyFields && new Set(bodyFields.map((field) => (field.startsWith('/') ? field : `/${field}`)))
}
