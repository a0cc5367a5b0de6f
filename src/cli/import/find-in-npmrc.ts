// .npmrc and AWS credentials: sections and NAME = value lines, comments with # or ;.
import { Secret } from '../../ground/secret.ts'
import type { Around } from './around.ts'
import type { Findings, Found } from './found.ts'
import type { Source } from './read-source.ts'
import { variableOf } from './reference-variable.ts'
import { isSecretValue } from './secret-looks.ts'

interface IniLine {
  readonly section: string
  readonly name: string
  readonly value: string
  readonly line: number
  readonly start: number
  readonly end: number
}

/** npm puts variables in where a value says `${NAME}`, so that is what the reference is. */
export function findInNpmrc(source: Source, { serviceAt }: Around): Findings {
  const found = iniLines(source.text).flatMap((one): Found[] => {
    const [, registry = '', member = ''] =
      /^(?:\/\/([^/]+)\/(?:.*\/)?:)?(_authToken|_auth|_password)$/.exec(one.name) ?? []
    if (member === '' || !isSecretValue(one.value)) return []
    const host = registry === '' ? 'registry.npmjs.org' : registry.replace(/:\d+$/, '')
    const { start, end, line } = one
    const secret = Secret.fromText(one.value)
    const shared = { source, place: one.name, label: member, line, secret, service: serviceAt(host) }
    if (member !== '_authToken')
      return [{ ...shared, stays: 'a name and password for a registry, in a form of npm’s own' }]
    return [
      { ...shared, byVariable: true, rewrite: ({ handle }) => [{ start, end, text: `\${${variableOf(handle)}}` }] },
    ]
  })
  return { found, remarks: [] }
}

const awsSecrets = new Set(['aws_secret_access_key', 'aws_session_token'])

export function findInAws(source: Source): Findings {
  const found = iniLines(source.text).flatMap(({ section, name, value, line }): Found[] => {
    if (!awsSecrets.has(name.toLowerCase()) || !isSecretValue(value)) return []
    const stays = 'AWS wants requests signed with it; it cannot be attached to a call'
    return [{ source, place: `${section} ${name}`, line, secret: Secret.fromText(value), service: 'aws', stays }]
  })
  return { found, remarks: [] }
}

function iniLines(text: string): IniLine[] {
  const found: IniLine[] = []
  let section = ''
  let start = 0
  text.split('\n').forEach((line, index) => {
    const [, name] = /^\s*\[([^\]]*)\]/.exec(line) ?? []
    if (name !== undefined) section = name.trim()
    const [, head = '', key = '', raw = ''] = /^(\s*([^#;=\s[][^=]*?)\s*=\s*)(.*?)\s*$/.exec(line) ?? []
    if (key !== '') {
      const quoted = /^"([^"\\]*)"$|^'([^'\\]*)'$/.exec(raw)
      const value = quoted?.[1] ?? quoted?.[2] ?? raw
      const at = start + head.length
      found.push({ section, name: key, value, line: index + 1, start: at, end: at + raw.length })
    }
    start += line.length + 1
  })
  return found
}
