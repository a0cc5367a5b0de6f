// .npmrc: tokens and logins of registries, each behind the address of its registry.
import { Secret } from '../../ground/secret.ts'
import type { Around } from './around.ts'
import type { Findings, Found } from './found.ts'
import { type IniLine, iniLines } from './ini-lines.ts'
import type { Source } from './read-source.ts'
import { variableOf } from './reference-variable.ts'
import { loginIn, registryService } from './registry.ts'
import { isSecretValue } from './secret-looks.ts'

const MEMBER = /^((?:\/\/([^/]+)\/(?:.*\/)?:)?)(_authToken|_auth|_password)$/

/** What `_auth`, or `_password` with the user name beside it, says; undefined for what is neither. */
interface Login {
  readonly user: string
  readonly secret: Secret
}

/**
 * npm puts variables in where a value says `${NAME}`, so that is what the reference is. What proves a name and a password
 * becomes a token of the gateway, which npm sends by another name.
 */
export function findInNpmrc(source: Source, around: Around): Findings {
  const lines = iniLines(source.text)
  const named = (name: string) => lines.findLast((one) => one.name === name)?.value
  const found = lines.flatMap((one): Found[] => {
    const [, prefix = '', host, member = ''] = MEMBER.exec(one.name) ?? []
    if (member === '' || !isSecretValue(one.value)) return []
    const origin = originOf(host, named('registry'))
    if (member === '_authToken') return [tokenAt(source, one, origin, around)]
    const login = member === '_auth' ? loginIn(one.value) : loginOf(named(`${prefix}username`), one.value)
    const beside = named(`${prefix}_authToken`) !== undefined
    return [loginAt(source, { one, prefix, member, origin, beside }, login, around)]
  })
  return { found, remarks: [] }
}

/** Of what has no address before it: the registry that the file names for everything. */
function originOf(host: string | undefined, registry = 'https://registry.npmjs.org/'): string {
  if (host !== undefined) return `https://${host.toLowerCase()}`
  return URL.canParse(registry) ? new URL(registry).origin : ''
}

function tokenAt(source: Source, { name, value, start, end, line }: IniLine, origin: string, around: Around): Found {
  const at = { source, place: name, label: '_authToken', line, secret: Secret.fromText(value) }
  return {
    ...at,
    ...registryService('npm', [origin], 'bearer', around),
    byVariable: true,
    rewrite: ({ handle }) => [{ start, end, text: `\${${variableOf(handle)}}` }],
  }
}

interface Place {
  readonly one: IniLine
  /** What stands before the member: `//registry.example/:`, or nothing. */
  readonly prefix: string
  readonly member: string
  readonly origin: string
  /** Whether the same registry has a token, too. */
  readonly beside: boolean
}

function loginAt(source: Source, place: Place, login: Login | undefined, around: Around): Found {
  const { one, prefix, member, origin, beside } = place
  const part = Secret.fromText(one.value)
  const at = { source, place: one.name, line: one.line, wants: 'basic', parts: [part] } as const
  const service = registryService('npm', [origin], 'basic', around)
  if (login === undefined) {
    const stays =
      member === '_auth' ? 'it is not base64 of NAME:PASSWORD' : 'there is no user name for it, or it is not base64'
    return { ...at, ...service, label: member, secret: part, stays }
  }
  const { user, secret } = login
  const known = { ...at, ...service, label: user, secret, meta: { username: user } }
  if (beside) return { ...known, stays: 'the same registry has an _authToken, and that is what npm sends' }
  const rewrite: Found['rewrite'] = ({ handle }) => [
    { start: one.nameStart, end: one.end, text: `${prefix}_authToken=\${${variableOf(handle)}}` },
  ]
  return { ...known, byVariable: true, rewrite }
}

function loginOf(user: string | undefined, base64: string): Login | undefined {
  return user === undefined
    ? undefined
    : loginIn(Buffer.concat([Buffer.from(`${user}:`), decoded(base64)]).toString('base64'))
}

function decoded(base64: string): Buffer {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? Buffer.from(base64, 'base64') : Buffer.alloc(0)
}
