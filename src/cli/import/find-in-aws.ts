// credentials and config of the AWS command line: for each profile an id, a secret, and a session token where it is temporary.
import { awsKeys } from '../../ground/credential-shape.ts'
import { Secret } from '../../ground/secret.ts'
import type { Findings, Found } from './found.ts'
import { type IniLine, iniLines } from './ini-lines.ts'
import type { Step } from './plan.ts'
import type { Source } from './read-source.ts'
import { isSecretValue } from './secret-looks.ts'

/**
 * The parts of a profile are one secret, as services that sign take it. What stands there then is no key: whoever signs
 * with it is refused by AWS, and signed anew by the gateway.
 */
export function findInAws(source: Source): Findings {
  const sections = Map.groupBy(iniLines(source.text), ({ section }) => section)
  return { found: [...sections].flatMap(([section, lines]) => inProfile(source, section, lines)), remarks: [] }
}

/** What makes profiles go on after a write: clients of AWS take an address, and sign with what no longer is a key. */
export function awsLines(steps: readonly Step[]): string[] {
  const due = steps.filter(({ action, places }) => action !== 'leave' && places.some(({ wants }) => wants === 'sigv4'))
  if (due.length === 0) return []
  return [
    'Programs that use these profiles reach AWS by the gateway alone; say so in each profile, with the Claviger token of the agent:',
    ...due.map(
      ({ service, places: [first] }) => `  ${first?.label}: endpoint_url = http://127.0.0.1:4317/a/TOKEN/to/${service}`,
    ),
  ]
}

function inProfile(source: Source, section: string, lines: readonly IniLine[]): Found[] {
  const named = (name: string) => lines.findLast((one) => one.name.toLowerCase() === name)
  const [id, secret] = [named('aws_access_key_id'), named('aws_secret_access_key')]
  const session = named('aws_session_token')
  if (secret === undefined || !isSecretValue(secret.value)) return []
  const text = [id?.value ?? '', secret.value, ...(session === undefined ? [] : [session.value])].join(':')
  const written = session === undefined ? [secret] : [secret, session]
  const shared = {
    source,
    place: `${section} aws_secret_access_key`,
    label: section.replace(/^profile\s+/, ''),
    line: secret.line,
    service: 'aws',
    wants: 'sigv4',
    parts: written.map(({ value }) => Secret.fromText(value)),
  } as const
  if (awsKeys(text) === undefined) {
    const stays = id === undefined ? 'there is no aws_access_key_id beside it' : 'it has not the form of keys of AWS'
    return [{ ...shared, secret: Secret.fromText(secret.value), stays }]
  }
  return [
    {
      ...shared,
      secret: Secret.fromText(text),
      rewrite: ({ handle }) => written.map(({ start, end }) => ({ start, end, text: `claviger:${handle}` })),
    },
  ]
}
