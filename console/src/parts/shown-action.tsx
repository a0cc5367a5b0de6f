// What the gateway shows of an action: warnings, facts, what it says, the body, what a yes allows; the agent's words come last.
import type { Fact, Preview, Quoted, Shown } from '../../../src/approvals/shown/shown.ts'
import { grouped } from './fact-groups.ts'
import { Name } from './name.tsx'
import { BodyOf } from './shown-body.tsx'

export function ShownAction({ shown, isCall }: { readonly shown: Shown; readonly isCall: boolean }) {
  const { preview, body, said, warnings, allows } = shown
  const { request, context, finePrint } = grouped(shown.facts)
  return (
    <>
      {warnings.length > 0 && (
        <section className="warnings" aria-label="Look twice">
          <h2>Look twice</h2>
          <ul>
            {warnings.map((warning) => (
              <li key={warning}>
                <Name of={warning} />
              </li>
            ))}
          </ul>
        </section>
      )}
      {preview !== undefined && <PreviewOf preview={preview} />}
      <FactList title={isCall ? 'What will be sent' : 'What it is'} facts={request} />
      {body !== undefined && <BodyOf body={body} />}
      <FactList title="Who, with what, and why it was stopped" facts={context} />
      <section className="allows">
        <h2>What a yes allows</h2>
        <p>
          <Name of={allows} />
        </p>
      </section>
      {said.length > 0 && (
        <section className="said">
          <h2>In the agent’s own words</h2>
          <p className="quiet">Nobody checked them, and they prove nothing.</p>
          {said.map((quoted) => (
            <QuotedText key={quoted.name} quoted={quoted} />
          ))}
        </section>
      )}
      <details>
        <summary>Fine print</summary>
        <FactList title="Identifiers" facts={finePrint} />
      </details>
    </>
  )
}

function PreviewOf({ preview }: { readonly preview: Preview }) {
  return (
    <section className="preview">
      <h2>Read as {preview.of}</h2>
      <p className="preview-title">
        <Name of={preview.title} />
      </p>
      <Facts of={preview.facts} />
      {preview.texts.map((quoted) => (
        <QuotedText key={quoted.name} quoted={quoted} />
      ))}
    </section>
  )
}

function FactList({ title, facts }: { readonly title: string; readonly facts: readonly Fact[] }) {
  if (facts.length === 0) return null
  return (
    <section>
      <h2>{title}</h2>
      <Facts of={facts} />
    </section>
  )
}

export function Facts({ of: facts }: { readonly of: readonly Fact[] }) {
  if (facts.length === 0) return null
  return (
    <dl>
      {facts.map(({ name, value }, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: facts may be the same, and have no other name than their place.
        <div key={at}>
          <dt>
            <Name of={name} />
          </dt>
          <dd>
            <Name of={value} />
          </dd>
        </div>
      ))}
    </dl>
  )
}

function QuotedText({ quoted: { name, lines, cut } }: { readonly quoted: Quoted }) {
  return (
    <figure className="quoted">
      <figcaption>
        <Name of={name} />
      </figcaption>
      <blockquote>{lines.join('\n')}</blockquote>
      {cut !== undefined && <p className="cut">{cut}</p>}
    </figure>
  )
}
