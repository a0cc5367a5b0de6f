import { Problem } from '../ground/problem.ts'

export interface Finding {
  /** `note` is worth knowing; `bad` stops the gateway or makes it unsafe or useless. */
  readonly state: 'ok' | 'note' | 'bad'
  readonly about: string
  readonly says: string
  readonly hint?: string
}

/** What a promised failure says, as a finding. */
export function fromProblem(about: string, error: unknown): Finding {
  if (!(error instanceof Problem)) throw error
  return {
    state: 'bad',
    about,
    says: error.detail ?? error.title,
    ...(error.hint !== undefined && { hint: error.hint }),
  }
}
