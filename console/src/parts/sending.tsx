// Calls that the gateway sends for agents that do not wait: what came of the sending, which the answer alone does not say.
import type { Sending, Status } from '../api/types.ts'
import { Name } from './name.tsx'
import { moment } from './words.ts'

interface Outcome {
  readonly says: string
  /** Class of the word. */
  readonly looks: string
}

/** Undefined where the answer says it all: it waits, or nobody said yes. */
export function outcomeOf(status: Status, sending: Sending | undefined): Outcome | undefined {
  if (sending === undefined || (status !== 'approved' && status !== 'consumed')) return undefined
  return outcomes[sending.state]
}

const outcomes: Readonly<Record<Sending['state'], Outcome>> = {
  waits: { says: 'approved, to be sent', looks: 'approved' },
  sending: { says: 'approved, being sent', looks: 'approved' },
  answered: { says: 'approved and sent', looks: 'consumed' },
  forgotten: { says: 'approved and sent', looks: 'consumed' },
  not_sent: { says: 'approved, not sent', looks: 'denied' },
  failed: { says: 'approved, no answer', looks: 'denied' },
}

const sentences: Readonly<Record<Sending['state'], string>> = {
  waits: 'Claviger sends it as soon as there is a yes. The agent does not wait for it.',
  sending: 'Claviger is sending it.',
  answered: 'Claviger sent it, and keeps the answer for the agent for a day.',
  forgotten: 'Claviger sent it. The answer was kept for its time.',
  not_sent: 'Nothing was sent.',
  failed: 'It was sent, or may have been, and there is no answer. It is not sent again.',
}

/** The same in a sentence, with why. */
export function SendingOf({
  sending: { state, code, at },
  status,
}: {
  readonly sending: Sending
  readonly status: Status
}) {
  const isOver = status === 'denied' || status === 'expired' || status === 'cancelled'
  return (
    <section aria-label="Sending" data-sending={state}>
      <h2>Sent by Claviger</h2>
      <p>
        {state === 'waits' && isOver ? 'Without a yes nothing is sent.' : sentences[state]}
        {code !== undefined && (
          <>
            {' '}
            Why:{' '}
            <code>
              <Name of={code} />
            </code>
          </>
        )}
      </p>
      {at !== undefined && <p className="quiet">{moment(at)}</p>}
    </section>
  )
}
