import { type Origin, parseOrigin } from '../../ground/origin.ts'
import { Problem } from '../../ground/problem.ts'
import { httpProblem } from '../../http/problems.ts'

const ABSOLUTE = /^(https?:\/\/[^/?#\\@]+)([/?].*)?$/is

/** The origin that CONNECT names, with its port (RFC 9110 §9.3.6). Throws Problem `target_form_refused`. */
export function originOfConnect(authority: string): Origin {
  if (!/:\d+$/.test(authority)) throw formRefused('CONNECT names a host and a port.')
  return origin(`https://${authority}`)
}

/** What an absolute target names (RFC 9112 §3.2.2), and its path and query. Throws Problem `target_form_refused`. */
export function absoluteTarget(target: string): { origin: Origin; rest: string } {
  const match = ABSOLUTE.exec(target)
  if (match === null) throw formRefused('It is no absolute http or https URL without user and fragment.')
  const rest = match[2] ?? '/'
  return { origin: origin(match[1] as string), rest: rest.startsWith('/') ? rest : `/${rest}` }
}

/** The `Host` values that mean the origin. */
export function hostsOf({ scheme, host, port }: Origin): ReadonlySet<string> {
  const usual = scheme === 'https' ? 443 : 80
  return new Set(port === usual ? [host, `${host}:${port}`] : [`${host}:${port}`])
}

/** Services in the operator's own network may have any port; whether one does is asked of the services. */
function origin(text: string): Origin {
  try {
    return parseOrigin(text, { anyPort: true })
  } catch (error) {
    throw formRefused(error instanceof Problem ? String(error.detail ?? error.title) : 'It cannot be read.')
  }
}

const formRefused = (detail: string) => httpProblem('target_form_refused', { detail })
