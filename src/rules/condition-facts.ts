import type { CallFacts } from './contract.ts'

/** The facts that a condition may name. */
export const FACTS = [
  'agent',
  'service',
  'action',
  'actions',
  'risk',
  'method',
  'path',
  'segments',
  'query',
  'body',
  'trust',
  'findings',
  'now',
] as const
export type Fact = (typeof FACTS)[number]
/** One call as conditions see it, made once for all of them. What is not known is not there, and to ask for it fails. */
export class ConditionFacts {
  readonly bindings: Readonly<Record<Fact, unknown>>
  /** How many values the body has. */
  readonly values: number

  /** `missing` stands for what is not known: to ask for it, or whether it is there, fails. */
  constructor(call: CallFacts, missing: unknown) {
    this.values = call.body?.kind === 'json' ? call.body.values : 1
    this.bindings = new Bindings(call, missing) as unknown as Readonly<Record<Fact, unknown>>
  }
}

/** Read when a condition asks. Only names of facts are asked for: others do not compile. */
class Bindings {
  readonly #call: CallFacts
  readonly #missing: unknown
  #query: ReadonlyMap<string, string[]> | undefined

  constructor(call: CallFacts, missing: unknown) {
    this.#call = call
    this.#missing = missing
  }

  get agent() {
    const { agent: id, agentName: name } = this.#call
    return name === undefined ? { id } : { id, name }
  }
  get service() {
    const { service: id, serviceName: name } = this.#call
    return id === undefined ? { name } : { id, name }
  }
  /** Empty where no action speaks of the call. */
  get action() {
    return this.#call.actions === undefined ? this.#missing : (this.#call.actions[0] ?? '')
  }
  get actions() {
    return this.#call.actions ?? this.#missing
  }
  get risk() {
    return this.#call.risk ?? this.#missing
  }
  get method() {
    return this.#call.method
  }
  get path() {
    return this.#call.hidden?.path === true ? this.#missing : this.#call.target.path
  }
  get segments() {
    return this.#call.hidden?.path === true ? this.#missing : this.#call.target.decoded
  }
  get query() {
    if ((this.#call.hidden?.query.size ?? 0) > 0) return this.#missing
    this.#query ??= valuesByName(this.#call.target.pairs)
    return this.#query
  }
  get body() {
    const { body } = this.#call
    if (body === undefined || body.kind === 'unreadable') return this.#missing
    return body.kind === 'none' ? null : body.value
  }
  get trust() {
    return this.#call.trust ?? this.#missing
  }
  get findings() {
    return this.#call.findings?.map(({ id, effect }) => ({ id, effect })) ?? this.#missing
  }
  get now() {
    const { now } = this.#call
    return {
      $typeName: 'google.protobuf.Timestamp',
      seconds: BigInt(Math.floor(now / 1_000)),
      nanos: (now % 1_000) * 1_000_000,
    }
  }
}

function valuesByName(pairs: CallFacts['target']['pairs']): ReadonlyMap<string, string[]> {
  const values = new Map<string, string[]>()
  for (const { name, value } of pairs) values.set(name, [...(values.get(name) ?? []), value])
  return values
}
