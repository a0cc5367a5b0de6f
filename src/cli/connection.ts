import type { Command } from 'commander'
import { jsonFile } from './json-file.ts'
import { cliProblem } from './problems.ts'
import { facts, named, table } from './render.ts'
import { readGivenFile } from './text-file.ts'
import { pairs } from './values.ts'
import { addVerb, type OptionSpec, type Options, type Session, type Verb } from './verb.ts'

const sources: readonly OptionSpec[] = [
  {
    flags: '--oauth-set <file>',
    about: 'a token set: accessToken, refreshToken, expiresAt, tokenUrl, clientId, clientSecret, scopes',
  },
  { flags: '--client-credentials <file>', about: 'tokenUrl, clientId, clientSecret, scopes' },
  { flags: '--github-app <pem>', about: 'the private key of a GitHub App; with --app-id and --installation-id' },
  { flags: '--google-key <file>', about: 'the key file of a service account, as Google gives it; with --scope' },
]

const add: Verb = {
  signature: 'add <handle>',
  summary: 'register a credential that renews itself: a token set, or what tokens are minted with',
  options: [
    { flags: '--service <name>', about: 'the service it is for', required: true },
    ...sources,
    { flags: '--app-id <id>', about: 'client id or id of the GitHub App' },
    { flags: '--installation-id <id>', about: 'where the GitHub App is installed' },
    { flags: '--scope <scope>', about: 'a scope to ask for; may be repeated', many: true },
    { flags: '--subject <user>', about: 'the user that a service account of Google acts for' },
    { flags: '--meta <name=value>', about: 'note something about it, never secret; may be repeated', many: true },
    { flags: '--replace', about: 'in the place of the connection of that handle' },
  ],
  examples: [
    'claviger connection add calendar --service google --oauth-set ~/tokens.json',
    'claviger connection add ci --service github --github-app ~/app.pem --app-id Iv23abc --installation-id 12345',
    'claviger connection add sheets --service google --google-key ~/key.json --scope https://www.googleapis.com/auth/spreadsheets',
  ],
  async run({ args: [handle], options, operator }) {
    const body = {
      handle,
      service: options.service,
      ...(options.meta !== undefined && { meta: pairs(options.meta, '--meta') }),
      ...(options.replace === true && { replace: true }),
      connection: connectionOf(options),
    }
    const json = await operator().ask({ method: 'POST', path: '/connections', body })
    return { json, text: facts(named(json)) }
  },
}

const list: Verb = {
  signature: 'list',
  summary: 'list the credentials that renew themselves',
  async run({ operator }) {
    const all = await operator().ask({ method: 'GET', path: '/credentials' })
    const json = { items: all.items.filter((item: { connection?: object }) => item.connection !== undefined) }
    const columns = ['handle', 'service', 'kind', 'status', 'tokenOrigin', 'tokenEndsAt', 'renewedAt', 'needsReauth']
    // biome-ignore lint/suspicious/noExplicitAny: the shape belongs to the vault
    const flat = json.items.map((item: any) => ({
      ...item,
      service: item.serviceName ?? item.service,
      ...item.connection,
    }))
    return { json, text: table(flat, columns, 'no connections') }
  },
}

const renew: Verb = {
  signature: 'renew <handle>',
  summary: 'fetch the next access token now, to see whether it can be had',
  async run({ args: [handle = ''], operator }) {
    const json = await operator().ask({ method: 'POST', path: `/connections/${encodeURIComponent(handle)}/renew` })
    return { json, text: facts(named(json)) }
  },
}

/** `claviger connection add | list | renew`. */
export function connectionCommands(program: Command, session: Session): void {
  const connection = program.command('connection').description('credentials that the gateway renews itself')
  for (const verb of [add, list, renew]) addVerb(connection, session, verb)
}

function connectionOf(options: Options): object {
  const { oauthSet, clientCredentials, githubApp, googleKey } = options
  const given = [oauthSet, clientCredentials, githubApp, googleKey].filter((source) => source !== undefined)
  if (given.length !== 1)
    throw cliProblem('usage', {
      detail: `${given.length === 0 ? 'No source was named' : 'Several sources were named'}.`,
      hint: 'Name one of --oauth-set FILE, --client-credentials FILE, --github-app PEM, --google-key FILE. `claviger connect SERVICE` asks the provider instead.',
    })
  if (oauthSet !== undefined) return { ...jsonFile(oauthSet), kind: 'oauth' }
  if (clientCredentials !== undefined) return { ...jsonFile(clientCredentials), kind: 'client_credentials' }
  return githubApp === undefined ? googleKeyOf(options) : githubAppOf(options)
}

function githubAppOf({ githubApp, appId, installationId }: Options): object {
  if (appId === undefined || installationId === undefined) {
    throw cliProblem('usage', { detail: 'A GitHub App needs --app-id and --installation-id.' })
  }
  return { kind: 'github_app', appId, installationId, privateKey: readGivenFile(githubApp) }
}

/** The members of Google's file that matter; the rest describes the project. */
function googleKeyOf({ googleKey, scope, subject }: Options): object {
  const { client_email, private_key, private_key_id, token_uri } = jsonFile(googleKey)
  if (scope === undefined) throw cliProblem('usage', { detail: 'A service account needs --scope.' })
  return {
    kind: 'google_service_account',
    clientEmail: client_email,
    privateKey: private_key,
    ...(private_key_id !== undefined && { privateKeyId: private_key_id }),
    ...(token_uri !== undefined && { tokenUrl: token_uri }),
    scopes: scope,
    ...(subject !== undefined && { subject }),
  }
}
