// The documentation that the home page links to: the files of this version, read when somebody asks.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Page → file. Nothing else is served. */
export const docsFiles = {
  readme: 'README.md',
  setup: 'docs/guides/setup.md',
  configuration: 'docs/guides/configuration.md',
  tls: 'docs/guides/tls.md',
  services: 'docs/guides/services.md',
  import: 'docs/guides/import.md',
  connections: 'docs/guides/connections.md',
  agents: 'docs/guides/agents.md',
  sdk: 'sdk/README.md',
  oauth: 'docs/guides/oauth.md',
  'relying-services': 'docs/guides/relying-services.md',
  'signing-keys': 'docs/guides/signing-keys.md',
  telegram: 'docs/guides/telegram.md',
  watching: 'docs/guides/watching.md',
  webhooks: 'docs/guides/webhooks.md',
  clawauth: 'docs/guides/clawauth.md',
  'moving-in': 'docs/guides/moving-in.md',
  testing: 'docs/guides/testing.md',
  architecture: 'ARCHITECTURE.md',
  security: 'SECURITY.md',
  threats: 'docs/threats.md',
  controls: 'docs/controls.md',
  'audit-log': 'docs/protocol/audit-log.md',
  envelope: 'docs/protocol/envelope.md',
  openapi: 'docs/openapi.json',
} as const

export type DocsPage = keyof typeof docsFiles

const root = join(import.meta.dirname, '..')

export function readDocsPage(page: DocsPage): Promise<string> {
  return readFile(join(root, docsFiles[page]), 'utf8')
}
