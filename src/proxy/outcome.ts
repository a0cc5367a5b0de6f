/** How a call went, for the record. */
export interface Outcome {
  /** What the caller was answered; 0 if it left before there was an answer. */
  readonly status: number
  /** Body bytes sent to the service; of a WebSocket those of all frames. */
  readonly bytesIn: number
  /** Body bytes handed to the caller. */
  readonly bytesOut: number
  /** Of a WebSocket: frames to the service, and to the caller. */
  readonly framesIn?: number
  readonly framesOut?: number
  readonly ms: number
  /** A permanent code; undefined when the answer was the service's and whole. */
  readonly error: string | undefined
  /** How often the answer held a secret that was taken out. */
  readonly echoes: number
  /** It is on the disk already: the answer waited for that. */
  readonly recorded?: true
}
