/** What a detection may say. Its name is permanent: receivers of alerts act on it. */
export type FindingType =
  | 'auth_failure_burst'
  | 'new_network'
  | 'geographic_anomaly'
  | 'impossible_travel'
  | 'dormant_agent'
  | 'key_reuse'
  | 'refresh_reuse'

/** What a detection found. It blocks nothing. */
export interface Found {
  readonly type: FindingType
  /** 0 to 10, one decimal. */
  readonly riskScore: number
  /** Whole numbers and text, nothing secret. */
  readonly details: Readonly<Record<string, string | number>>
  /** What it is about: the same of the same agent is told once an hour, or once in `quietMs`. */
  readonly about: string
  readonly quietMs?: number
}

/** A finding as it is recorded and handed on. */
export interface Finding {
  readonly agent: string
  readonly type: FindingType
  readonly riskScore: number
  readonly details: Readonly<Record<string, string | number>>
  /** Milliseconds since 1970. */
  readonly at: number
  /** The request in which it was noticed. */
  readonly rid?: string
}
