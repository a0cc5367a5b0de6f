import type { OneApproval } from '../api/types.ts'
import { Name } from './name.tsx'
import { moment } from './words.ts'

/** Who answered what, and by which means. */
export function Answers({ of: answers }: { readonly of: OneApproval['answers'] }) {
  if (answers.length === 0) return null
  return (
    <section aria-label="Answers">
      <h2>Answers</h2>
      <ul className="answers">
        {answers.map(({ name, verdict, assurance, channel, at, comment }) => (
          <li key={`${name} ${at}`}>
            <span>
              <strong>
                <Name of={name} />
              </strong>{' '}
              {verdict} it by {assurance}, {channel}
            </span>
            <span className="quiet">{moment(at)}</span>
            {comment !== undefined && (
              <q>
                <Name of={comment} />
              </q>
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}
