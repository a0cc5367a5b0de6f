/** One line that a rule found, with the place: `src/gate/admit.ts:12 says …`. */
export type Finding = string

/** What a rule read and what it found. A rule that read nothing has checked nothing, and fails. */
export interface Report {
  readonly read: number
  readonly unit: string
  readonly findings: readonly Finding[]
}

/** A rule of this house. `planted` runs it on a violation made for it and gives what it failed to notice. */
export interface Rule {
  readonly name: string
  check(): Promise<Report>
  planted?(): Promise<readonly Finding[]>
}
