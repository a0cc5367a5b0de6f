// What else an installation of Clauth says: its configuration, and what has no place here.
import { setInHome } from '../home-env.ts'
import type { ClauthConfig } from './clauth-formats.ts'
import type { ClauthHome } from './clauth-home.ts'
import type { ClauthPresent } from './clauth-present.ts'
import { type Item, leave } from './item.ts'

const SEVERITIES = new Set(['info', 'warning', 'critical'])

export function settingItems({ config }: ClauthHome, { webhooks, settingOf }: ClauthPresent): Item[] {
  return [
    ...listening(config).map((item) => knownOr(item, settingOf)),
    ...channels(config, webhooks),
    ...hardening(config),
    ...later(config),
  ]
}

/** The door has a listener of its own where Clauth's was not where the agents' listener is. */
function listening({ transport = 'tcp', host = '127.0.0.1', port = 4317, socketPath }: ClauthConfig): Item[] {
  const name = 'CLAVIGER_CLAUTH_LISTEN'
  if (transport === 'unix') {
    return socketPath?.startsWith('/')
      ? [setting(name, `unix:${socketPath}`)]
      : [leave('setting', 'socketPath', 'is no whole path')]
  }
  if (host === '127.0.0.1' && port === 4317) return []
  if (host !== '127.0.0.1' && host !== 'localhost' && host !== '::1') {
    const why = `other machines would reach it: set ${name}=${host}:${port} and CLAUTH_ALLOW_REMOTE=1 if they should`
    return [leave('setting', 'host', why)]
  }
  return [setting(name, `${host === '::1' ? '[::1]' : '127.0.0.1'}:${port}`)]
}

/** A setting that the home has already is left as it is. */
function knownOr(item: Item, settingOf: ClauthPresent['settingOf']): Item {
  const set = item.action === 'bring' ? settingOf(item.name) : undefined
  if (set === undefined) return item
  const { what, name, facts } = item
  if (set === facts?.value) return { what, name, action: 'known' }
  return leave(what, name, 'the settings of the home say something else')
}

/** A line of the home's settings, which the next start reads. One that is set there stays. */
function setting(name: string, value: string): Item {
  const facts = { value }
  return {
    ...{ what: 'setting', name, action: 'bring', facts },
    bring: async ({ home }) => {
      const set = setInHome(home, name, value, "From Clauth's config.json.")
      if (set === 'same') return { action: 'known' }
      if (set === 'other') return { action: 'leave', why: `the settings of ${home} say something else` }
      return { why: 'from the next start on' }
    },
  }
}

function channels({ alertChannels = [] }: ClauthConfig, there: ReadonlySet<string>): Item[] {
  return alertChannels.map(({ type, url, minSeverity = 'info' }): Item => {
    const what = 'webhook'
    const name = shortened(url)
    if (type !== 'webhook' || !SEVERITIES.has(minSeverity))
      return leave(what, name, 'its kind is not known', { failed: true })
    if (there.has(url)) return { what, name, action: 'known' }
    return {
      ...{ what, name, action: 'bring', facts: { minSeverity } },
      bring: async ({ client }) => {
        const body = { url, events: ['*'], minSeverity }
        const { id } = await client.ask({ method: 'POST', path: '/webhooks', body })
        return {
          why: `signed, in another form than Clauth's: claviger webhook rotate ${id} shows a secret to check with`,
        }
      },
    }
  })
}

/** The query may be what lets somebody in there. */
function shortened(url: string): string {
  return URL.canParse(url) ? `${new URL(url).origin}${new URL(url).pathname}` : '(no URL)'
}

/** Numbers of Clauth that are others here, where they were set to something of their own. */
const fixed: Readonly<Record<string, readonly [usual: unknown, here: string]>> = {
  enforceHttps: [true, 'plain http needs CLAUTH_ALLOW_INSECURE_HTTP=1, and an origin that is http'],
  maxRequestBodyBytes: [1_048_576, 'is 1,048,576 here; larger bodies go through /to/<service>/…'],
  sessionTtlSeconds: [3_600, 'is 3,600 here, unless a session is issued with another life; an hour at most'],
  challengeTtlSeconds: [600, 'comes with identity proofs'],
  identityMaxVerifyAttempts: [5, 'comes with identity proofs'],
  identityVerifyPerSkillPerMinute: [30, 'comes with identity proofs'],
  identityVerifyPerIpPerMinute: [60, 'comes with identity proofs'],
  requireAdminTokenForIdentity: [false, 'comes with identity proofs'],
}

function hardening({ hardening: set = {} }: ClauthConfig): Item[] {
  return Object.entries(set).flatMap(([name, value]) => {
    const [usual, here] = fixed[name] ?? [undefined, 'means nothing here']
    return value === usual ? [] : [leave('setting', `hardening.${name}`, here)]
  })
}

function later({ firewall, advisoryFeeds = [] }: ClauthConfig): Item[] {
  return [
    ...(firewall !== undefined ? [leave('setting', 'firewall', 'comes with the guard')] : []),
    ...(advisoryFeeds.length > 0 ? [leave('setting', 'advisoryFeeds', 'comes with the guard')] : []),
  ]
}

const leftFiles: Readonly<Record<string, string>> = {
  'identity-state.json': 'proofs are made anew: an old one is not believed unseen',
  'firewall.json': 'baselines are learned from calls that go through here',
  'advisory-state.json': 'comes with the guard',
}

export function restItems({ files, audit, revocations }: ClauthHome): Item[] {
  const items = files.flatMap((name) =>
    Object.hasOwn(leftFiles, name) ? [leave('rest', name, leftFiles[name] ?? '')] : [],
  )
  if (files.includes('session-revocations.json')) {
    const why = `${revocations} ended sessions: no session of that installation is good here, so none can come back`
    items.push(leave('rest', 'session-revocations.json', why))
  }
  if (audit !== undefined) {
    const chain = audit.valid
      ? 'its chain holds'
      : `its chain is broken at line ${audit.brokenAtLine} (${audit.reason})`
    items.push(
      leave('rest', 'audit.ndjson', `${audit.entries} entries, ${chain}; keep it, the log here is its own`, {
        facts: { ...audit },
      }),
    )
  }
  return items
}
