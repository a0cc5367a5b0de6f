import type { AgentId, ServiceId } from '../ground/ids.ts'
import type { Target } from '../ground/target.ts'
import type { CallFacts, JudgedBody } from './contract.ts'
import { readBody } from './read-body.ts'

/** A call as the gate knows it. */
export interface RuleQuestion {
  readonly now: number
  readonly agent: { readonly id: AgentId; readonly name?: string | undefined }
  readonly service: { readonly id: ServiceId; readonly name: string }
  readonly resolution: {
    readonly action: string | undefined
    readonly among?: readonly string[] | undefined
    readonly risk: 'low' | 'medium' | 'high'
  }
  readonly method: string
  readonly target: Target
  readonly findings: CallFacts['findings']
  /** What was read of the body; undefined where it was not yet. */
  readonly contents?: { readonly body: Uint8Array | undefined } | 'unreadable' | undefined
}

const none: readonly string[] = Object.freeze([])

/** Read as rules ask: nothing is worked out for a call that no rule wants to know it of. */
export class QuestionFacts implements CallFacts {
  readonly #question: RuleQuestion
  readonly #trustOf: (agent: AgentId) => number | undefined
  #body: JudgedBody | undefined

  constructor(question: RuleQuestion, trustOf: (agent: AgentId) => number | undefined) {
    this.#question = question
    this.#trustOf = trustOf
  }

  get now() {
    return this.#question.now
  }
  get agent() {
    return this.#question.agent.id
  }
  get agentName() {
    return this.#question.agent.name
  }
  get service() {
    return this.#question.service.id
  }
  get serviceName() {
    return this.#question.service.name
  }
  get actions() {
    const { action, among } = this.#question.resolution
    return among ?? (action === undefined ? none : [action])
  }
  get risk() {
    return this.#question.resolution.risk
  }
  get method() {
    return this.#question.method
  }
  get target() {
    return this.#question.target
  }
  get trust() {
    return this.#trustOf(this.#question.agent.id)
  }
  get findings() {
    return this.#question.findings
  }
  get body() {
    const { contents } = this.#question
    if (contents === undefined) return undefined
    this.#body ??= contents === 'unreadable' ? { kind: 'unreadable' } : readBody(contents.body)
    return this.#body
  }
}
