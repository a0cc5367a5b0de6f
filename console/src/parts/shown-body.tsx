import type { ShownBody, ShownPart } from '../../../src/approvals/shown/shown.ts'
import { Name } from './name.tsx'
import { Facts } from './shown-action.tsx'

const count = (bytes: number) => `${bytes.toLocaleString('en')} ${bytes === 1 ? 'byte' : 'bytes'}`

/** The body as it will be sent, decoded. */
export function BodyOf({ body }: { readonly body: ShownBody }) {
  const { kind, bytes, contentType, decoded, cut } = body
  return (
    <section className="body">
      <h2>Body</h2>
      <p className="quiet">
        {kind}, <Name of={contentType ?? 'of no type'} />, {count(bytes)}
        {decoded !== undefined && (
          <>
            , {count(decoded.bytes)} after <Name of={decoded.from} />
          </>
        )}
      </p>
      <Content body={body} />
      {cut !== undefined && <p className="cut">{cut}</p>}
    </section>
  )
}

function Content({ body }: { readonly body: ShownBody }) {
  switch (body.kind) {
    case 'json':
    case 'text':
      return <Lines of={body.lines} label="Body" />
    case 'form':
      return <Facts of={body.fields} />
    case 'multipart':
      return body.parts.map((part, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: parts may be the same.
        <PartOf key={at} part={part} />
      ))
    case 'binary':
      return (
        <p>
          Not text; it begins as <Name of={body.type} /> (<code>{body.begins}</code>).
        </p>
      )
  }
}

function PartOf({ part }: { readonly part: ShownPart }) {
  const { name, fileName, contentType, head, bytes, lines, cut } = part
  return (
    <figure className="part">
      <figcaption>
        <Name of={name} />
        {fileName !== undefined && (
          <>
            , file <Name of={fileName} />
          </>
        )}
        {contentType !== undefined && (
          <>
            , <Name of={contentType} />
          </>
        )}
        , {count(bytes)}
      </figcaption>
      {head !== undefined && <Lines of={head} label={`${name}: head`} />}
      {lines !== undefined && <Lines of={lines} label={name} />}
      {cut !== undefined && <p className="cut">{cut}</p>}
    </figure>
  )
}

/** It can be scrolled, so the keyboard must reach it. */
function Lines({ of: lines, label }: { readonly of: readonly string[]; readonly label: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what can be scrolled must be reached by keyboard.
    <section className="lines" tabIndex={0} aria-label={label}>
      <pre>{lines.join('\n')}</pre>
    </section>
  )
}
