import type { Socket } from 'node:net'
import type { AnswerFilter } from '../answer-filter.ts'
import type { Passage } from '../passage.ts'
import type { MarkWatch } from '../placeholders/mark-scan.ts'
import { type ParsedHeaders, responseHead } from '../response-head.ts'
import type { SilenceWatch } from '../silence.ts'
import type { FrameLimits } from './frame-reader.ts'
import { type ServiceHandshake, switching, type WebSocketAsked } from './handshake.ts'
import { Relay, type RelayOptions } from './relay.ts'

export interface SwitchOptions {
  readonly rid: string
  readonly asked: WebSocketAsked
  readonly handshake: ServiceHandshake
  readonly passage: Passage
  readonly filter: AnswerFilter
  readonly watch: SilenceWatch
  readonly limits: FrameLimits
  readonly markWatch?: MarkWatch | undefined
  readonly idleMs: number
  readonly onBug: (error: unknown) => void
}

export const usualFrameLimits: FrameLimits = Object.freeze({ messageBytes: 16 * 1024 ** 2, totalBytes: 4 * 1024 ** 3 })

/**
 * The service says that it switches. Only if it says so rightly the caller is told, and messages go both ways until one
 * side, or what the call stands on, ends. Else the call ends with Problem `upstream_handshake`.
 */
export function switchOver(options: SwitchOptions, headers: ParsedHeaders, service: Socket): void {
  const { rid, asked, handshake, passage, filter, watch, limits, markWatch, idleMs, onBug } = options
  service.on('error', () => service.destroy())
  try {
    const protocol = handshake.accepted(headers)
    const passed = responseHead(headers, filter)
    const caller = asked.held.take()
    if (caller === undefined) {
      service.destroy()
      passage.callerLeft()
      return
    }
    const over = told(passage.handOver((reason) => relay.abort(reason)))
    const { matcher } = filter
    const relay = new Relay({ caller, service, matcher, limits, markWatch, idleMs, watch, ...over, onBug })
    caller.write(switching(asked.key, protocol, [...passed, 'claviger-request-id', rid]), 'latin1')
    relay.start()
  } catch (error) {
    service.destroy()
    passage.broke(error, 'failed')
  }
}

/** How the call is told when it is over: once, and before the service's close goes out where that waits for the record. */
function told({ settle, onEnd, outcome }: ReturnType<Passage['handOver']>): Pick<RelayOptions, 'settle' | 'onEnd'> {
  let recorded = false
  return {
    settle:
      settle &&
      ((relayed) => {
        recorded = true
        return settle(outcome(relayed))
      }),
    onEnd: (relayed, end) => onEnd({ ...outcome(relayed), ...(recorded && { recorded }) }, end),
  }
}
