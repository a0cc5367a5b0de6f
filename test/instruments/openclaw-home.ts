// An installation of OpenClaw as it lies on the disk, both generations of it, with keys in every place that holds some.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { anthropic, github, openai, plain, slack } from './planted-secrets.ts'

export const keyOf = (name: string) => `${plain}-${name}`

const config = `// mine, with comments that must stay
{
  gateway: { port: 18789, auth: { mode: 'token', token: '${keyOf('gateway')}' } },
  models: {
    providers: {
      openai: { baseUrl: 'https://api.openai.com/v1', apiKey: '${openai}', models: [], },
      google: { apiKey: '${keyOf('gemini')}' },
      mine: { baseUrl: 'https://llm.acme.example/v1', apiKey: "${keyOf('acme')}" },
      anthropic: { apiKey: '\${ANTHROPIC_API_KEY}' },
    },
  },
  channels: { $include: './channels.json5' },
  mcp: { servers: { gh: { command: 'mcp-gh', env: { GITHUB_TOKEN: "${github}", DEBUG: '1' } },
    web: { url: 'https://tickets.example/mcp', headers: { Authorization: 'Bearer ${keyOf('tickets')}' } } } },
  env: { vars: { STRIPE_API_KEY: '${keyOf('stripe')}' } },
  hooks: { enabled: true, token: '${keyOf('hooks')}' },
  plugins: { entries: { memo: { config: { apiKey: { source: 'env', provider: 'default', id: 'MEMO_KEY' } } } } },
}
`
const channels = `{
  slack: { accounts: { work: { botToken: '${slack}', signingSecret: '${keyOf('signing')}' } } },
  telegram: { tokenFile: '/run/telegram' },
}
`
const profiles = (extra: object) => ({
  version: 1,
  profiles: {
    'anthropic:default': { type: 'api_key', provider: 'anthropic', key: anthropic },
    'openai-codex:me': {
      type: 'oauth',
      provider: 'openai-codex',
      access: keyOf('access'),
      refresh: keyOf('refresh'),
      expires: 1,
    },
    ...extra,
  },
})

/** Makes the state folder. Gives the JSON files that an import may write to, by their names in it. */
export function openClawHome(state: string): Readonly<Record<string, string>> {
  const files: Record<string, string> = {
    'openclaw.json': config,
    'channels.json5': channels,
    '.env': `OPENAI_API_KEY=${openai}\nLOG=debug\n`,
    'agents/old/agent/auth-profiles.json': JSON.stringify(
      profiles({
        'github:bot': { mode: 'token', provider: 'github', token: keyOf('github-bot') },
        'openai:ref': { type: 'api_key', provider: 'openai', key: { source: 'env', provider: 'default', id: 'X' } },
      }),
      null,
      2,
    ),
    'agents/old/agent/auth.json': JSON.stringify({ openai: { apiKey: keyOf('openai-flat') } }),
    'credentials/oauth.json': JSON.stringify({ github: { access: keyOf('a'), refresh: keyOf('r'), expires: 5 } }),
    'openclaw.json.bak': config,
    'agents/main/agent/models.json': '{}',
    'agents/main/sessions/1.jsonl': `{"text":"my key is ${openai}"}\n`,
  }
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(state, name)), { recursive: true })
    writeFileSync(join(state, name), text, { mode: 0o600 })
  }
  mkdirSync(join(state, 'state'), { recursive: true })
  sharedStore(join(state, 'state', 'openclaw.sqlite'))
  agentStore(join(state, 'agents', 'main', 'agent', 'openclaw-agent.sqlite'))
  return files
}

function sharedStore(file: string): void {
  using database = new DatabaseSync(file)
  database.exec(`PRAGMA journal_mode = wal;
    CREATE TABLE config_machine_state (state_key TEXT PRIMARY KEY, value_json TEXT, updated_at_ms INTEGER);
    CREATE TABLE secret_store_entries (scope_kind TEXT, scope_id TEXT, name TEXT, value TEXT, kind TEXT, created_at_ms INTEGER,
      updated_at_ms INTEGER, updated_by TEXT, deleted_at_ms INTEGER, allowed_hosts TEXT);
    CREATE TABLE mcp_oauth_stores (store_key TEXT PRIMARY KEY, format_version INTEGER, store_json TEXT, updated_at INTEGER);
    CREATE TABLE device_auth_tokens (device_id TEXT, role TEXT, token TEXT, scopes_json TEXT, updated_at_ms INTEGER);`)
  const state = database.prepare('INSERT INTO config_machine_state VALUES (?, ?, 1)')
  state.run(
    'authProfiles.store',
    JSON.stringify({
      version: 1,
      profiles: { 'openai:shared': { type: 'api_key', provider: 'openai', key: keyOf('shared') } },
    }),
  )
  const entry = database.prepare(`INSERT INTO secret_store_entries VALUES (?, '', ?, ?, 'secret', 1, 1, '', ?, ?)`)
  entry.run('team', 'TICKETS', keyOf('store'), null, JSON.stringify(['tickets.example']))
  entry.run('team', 'GONE_TOKEN', keyOf('gone'), 5, null)
  const credential = { type: 'api_key', provider: 'slack', key: keyOf('personal') }
  entry.run('identity', 'model-account:personal:me:1', JSON.stringify({ version: 1, credential }), null, null)
  database.prepare(`INSERT INTO mcp_oauth_stores VALUES ('web-1', 1, '{}', 1)`).run()
  database.prepare(`INSERT INTO device_auth_tokens VALUES ('d', 'operator', ?, '[]', 1)`).run(keyOf('device'))
}

function agentStore(file: string): void {
  using database = new DatabaseSync(file)
  database.exec('CREATE TABLE auth_profile_store (store_key TEXT PRIMARY KEY, store_json TEXT, updated_at INTEGER)')
  const store = profiles({ 'github:main': { type: 'token', provider: 'github', token: keyOf('github-main') } })
  database.prepare(`INSERT INTO auth_profile_store VALUES ('primary', ?, 1)`).run(JSON.stringify(store))
}
