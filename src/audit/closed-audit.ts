import { type Audit, auditProblem, type Head, type LogVerdict, type RedactableTarget } from './contract.ts'
import { redactedForm, redactTarget } from './redact.ts'

/** A log that must not be written: damaged, or behind what others saw of it. Refuses everything, changes nothing. */
export class ClosedAudit implements Audit {
  readonly #head: Head
  readonly #verdict: LogVerdict

  constructor(head: Head, verdict: LogVerdict) {
    this.#head = head
    this.#verdict = verdict
  }

  intent(): Promise<number> {
    return this.#refuse()
  }

  outcome(): void {}

  outcomeDurable(): Promise<number> {
    return this.#refuse()
  }

  append(): Promise<number> {
    return this.#refuse()
  }

  deny(): void {}

  redact(value: string): string {
    return redactedForm(value, undefined)
  }

  redactTarget(target: RedactableTarget, plainQuery: ReadonlySet<string> | undefined) {
    return redactTarget(target, plainQuery, (value) => this.redact(value))
  }

  size(): number {
    return this.#head.size
  }

  head(): Head {
    return this.#head
  }

  async keysArrived(): Promise<LogVerdict> {
    return this.#verdict
  }

  keysGone(): void {}

  checkpoint(): Promise<string> {
    return this.#refuse()
  }

  async makeRoom(): Promise<void> {}

  async close(): Promise<void> {}

  async #refuse(): Promise<never> {
    const detail = this.#verdict.ok ? 'the log is closed' : this.#verdict.detail
    throw auditProblem('audit_unavailable', { detail, hint: 'Run `claviger audit verify` on the home.' })
  }
}
