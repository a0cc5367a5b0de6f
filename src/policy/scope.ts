import { problemsOf } from '../ground/problem.ts'

/**
 * The words of a grant. `service:action` names an action, or one of the classes `read`, `write`, `delete`;
 * `service:resource:verb` is what an action declares. `*` stands for a whole part.
 */
export interface Scope {
  readonly text: string
  /** Name of the service, or `*`. */
  readonly service: string
  /** One word (action, class or `*`) or two (resource and verb, each may be `*`). */
  readonly words: readonly [string] | readonly [string, string]
}

export const scopeProblems = {
  scope_invalid: {
    status: 422,
    title: 'The scope cannot be read',
    hint: 'Write service:action or service:resource:verb; * stands for a whole part.',
  },
} as const

const problem = problemsOf(scopeProblems)

const PART = /^(?:\*|[A-Za-z0-9][A-Za-z0-9._-]{0,63})$/

/** Throws Problem `scope_invalid`. */
export function parseScope(text: string): Scope {
  const parts = text.length > 200 ? [] : text.split(':')
  const [service, first, second] = parts
  if (parts.length > 3 || service === undefined || first === undefined || !parts.every((part) => PART.test(part))) {
    throw problem('scope_invalid', { detail: `'${text.slice(0, 100)}' is not two or three parts of [A-Za-z0-9._-].` })
  }
  return { text, service, words: second === undefined ? [first] : [first, second] }
}

export type MethodClass = 'read' | 'write' | 'delete'

/** Methods of each class. TRACE, CONNECT and methods we do not know are in none, and are never sent. */
export const classMethods: Readonly<Record<MethodClass, readonly string[]>> = {
  read: ['GET', 'HEAD', 'OPTIONS'],
  write: ['POST', 'PUT', 'PATCH'],
  delete: ['DELETE'],
}

const classes = new Map(
  (Object.keys(classMethods) as MethodClass[]).flatMap((name) => classMethods[name].map((method) => [method, name])),
)

/** The class of a method, spelled in upper case as HTTP does; undefined for a method that is never sent. */
export function classOf(method: string): MethodClass | undefined {
  return classes.get(method)
}

/** What a call needs of a grant. */
export interface Scoped {
  readonly action: string | undefined
  /** Scopes that must all be granted, unless the grant names the action or everything. */
  readonly required: readonly string[]
  /** A scope that is enough by itself. */
  readonly enough?: string | undefined
}

/** One thing that a scope allows, for people. */
export interface ScopeMeaning {
  readonly methods: readonly string[]
  /** A path template. */
  readonly path: string
  readonly action?: string
  /** Scopes that the action wants besides this one. */
  readonly also?: readonly string[]
}

/**
 * What a list of scopes covers on one service. Answers are kept per resolution object, so that the second call of the
 * same kind costs one look-up; resolutions are few and live as long as their service.
 */
export class Coverage {
  readonly #service: string
  readonly #everything: boolean
  readonly #words: ReadonlySet<string>
  readonly #pairs: readonly (readonly [string, string])[]
  readonly #known = new WeakMap<Scoped, boolean>()

  /** Scopes of other services cover nothing here. Throws Problem `scope_invalid`. */
  constructor(service: string, scopes: readonly string[]) {
    const words = scopes.map(parseScope).filter((scope) => scope.service === '*' || scope.service === service)
    this.#service = service
    this.#words = new Set(words.filter((scope) => scope.words.length === 1).map((scope) => scope.words[0]))
    this.#pairs = words.map((scope) => scope.words).filter((pair) => pair.length === 2)
    this.#everything = this.#words.has('*')
  }

  covers(resolution: Scoped): boolean {
    if (this.#everything) return true
    const known = this.#known.get(resolution)
    if (known !== undefined) return known
    const answer = this.#work(resolution)
    this.#known.set(resolution, answer)
    return answer
  }

  /** Whether a declared scope is among those granted. */
  has(text: string): boolean {
    const scope = parseScope(text)
    if (scope.service !== this.#service) return false
    if (this.#everything) return true
    const [first, second] = scope.words
    if (second === undefined) return first !== '*' && this.#words.has(first)
    return this.#pairs.some(
      ([resource, verb]) => (resource === '*' || resource === first) && (verb === '*' || verb === second),
    )
  }

  #work({ action, required, enough }: Scoped): boolean {
    if (action !== undefined && this.#words.has(action)) return true
    if (enough !== undefined && this.has(enough)) return true
    return required.length > 0 && required.every((scope) => this.has(scope))
  }
}
