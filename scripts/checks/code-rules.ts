// What only certain files may do. A new name in a list below is a decision that a reviewer sees.
import ts from 'typescript'
import { codeRule, collect, loads } from './code-rule.ts'

/** Modules that open connections, and the names in them that do not. `*` imports of them are refused. */
const networkModules: Readonly<Record<string, readonly string[]>> = {
  undici: ['errors'],
  http: [
    'createServer',
    'Server',
    'IncomingMessage',
    'ServerResponse',
    'validateHeaderName',
    'validateHeaderValue',
    'STATUS_CODES',
    'METHODS',
    'maxHeaderSize',
  ],
  https: ['createServer', 'Server'],
  http2: ['createServer', 'createSecureServer', 'performServerHandshake', 'constants'],
  net: ['createServer', 'Server', 'BlockList', 'SocketAddress', 'isIP', 'isIPv4', 'isIPv6'],
  tls: ['createServer', 'createSecureContext', 'rootCertificates', 'Server'],
  dgram: [],
  dns: [],
  'dns/promises': [],
  inspector: [],
  nodemailer: [],
}
const networkGlobals = new Set(['fetch', 'WebSocket', 'EventSource', 'XMLHttpRequest'])

export const outboundCalls = codeRule({
  name: 'outbound-calls',
  allowed: {
    'src/proxy/dial.ts': 'any', // calls with a permit
    'src/http/outbound.ts': 'any', // the gateway's own calls
    'src/http/mail.ts': 'any', // the gateway's own mails
    'src/http/ask-names.ts': 'any', // names to addresses, for both
    'src/http/connect.ts': 'any', // to a judged address, for both; sends nothing itself
    'src/proxy/lines.ts': 'any', // the kept connections that dial.ts sends on
    'src/proxy/http2/upstream-session.ts': 'any', // HTTP/2 on connections that connect.ts opened, for lines.ts
    'src/cli/client.ts': 'any', // the command line to the gateway
    'src/cli/ways-out/try-way.ts': 'any', // tries what a command could reach; sends nothing of ours
    'src/cli/cage/inside.ts': 'any', // from a cage to the gateway’s socket, and nowhere else
    'src/cli/cage/descriptors.ts': 'any', // reads and writes pipes it made; connects nowhere
    'src/proxy/tunnel/intercept.ts': 'any', // TLS towards clients that came; connects nowhere
  },
  sightings: (tree) =>
    collect(tree, (node) => {
      const loaded = loads(node)
      if (loaded?.module === '?') return 'loads a module whose name is computed'
      const harmless = loaded === undefined ? undefined : networkModules[loaded.module]
      const names = harmless === undefined ? [] : (loaded?.names ?? []).filter((name) => !harmless.includes(name))
      if (names.length > 0) return `takes ${names.join(', ')} from ${loaded?.module}`
      return isGlobalUse(node, networkGlobals) ? `uses the global ${node.getText()}` : undefined
    }),
})

export const childProcesses = codeRule({
  name: 'child-processes',
  allowed: {
    'src/cli/run-command.ts': 'any', // the command that a person asked to be run
    'src/cli/cage/caged-run.ts': 'any', // the same, isolated
    'src/cli/cage/descriptors.ts': 'any', // mkfifo, for its pipes
    'src/cli/cage/inside.ts': 'any', // the same, from within
  },
  sightings: (tree) =>
    collect(tree, (node) =>
      ['child_process', 'cluster'].includes(loads(node)?.module ?? '') ? 'starts processes' : undefined,
    ),
})

export const decipherInOnePlace = codeRule({
  name: 'decipher-in-one-place',
  allowed: { 'src/crypto/aead.ts': 1 },
  sightings: (tree) =>
    collect(tree, (node) =>
      isNamed(node, 'createDecipheriv') ? 'calls createDecipheriv; use open() of crypto/aead.ts' : undefined,
    ),
})

export const revealers = codeRule({
  name: 'revealers',
  // Where a secret is sealed, stretched, shown to its owner once, attached, or searched for. Nowhere else.
  allowed: {
    'src/vault/check-credential.ts': 2,
    'src/vault/credentials.ts': 2,
    'src/vault/keyholders.ts': 1,
    'src/vault/passphrase.ts': 1,
    'src/vault/unlock.ts': 1,
    'src/identity/tokens.ts': 1,
    'src/alerts/webhooks.ts': 4,
    'src/alerts/signature.ts': 1,
    'src/alerts/routes.ts': 1,
    'src/identity/routes.ts': 1,
    'src/identity/people/operator-routes.ts': 1,
    'src/identity/people/links.ts': 1,
    'src/identity/people/members.ts': 1,
    'src/identity/people/person-sessions.ts': 1,
    'src/identity/relying/operator-routes.ts': 1,
    'src/identity/signing/key-maker.ts': 1,
    'src/identity/personal.ts': 1,
    'src/identity/keys/invites.ts': 1,
    'src/identity/keys/invite-routes.ts': 1,
    'src/house/agent-care-routes.ts': 1,
    'src/house/import-keys.ts': 1,
    'src/approvals/spool.ts': 1,
    'src/approvals/channels/making.ts': 1,
    'src/approvals/channels/push/vapid.ts': 1,
    'src/approvals/channels/email/account.ts': 1,
    'src/http/mail.ts': 1,
    'src/approvals/channels/telegram/bot-api.ts': 1,
    'src/approvals/receipts/receipt-keys.ts': 1,
    'src/local-ca/local-ca.ts': 1,
    'src/doors/clawauth/webhook-routes.ts': 1,
    'src/identity/doors/door-tokens.ts': 1,
    'src/doors/clawgate/key-routes.ts': 1,
    'src/doors/clawgate/answer-routes.ts': 1,
    'src/identity/doors/door-salts.ts': 1,
    'src/doors/clauth/skill-tokens.ts': 1,
    'src/house/botmaker.ts': 1,
    'src/llm/routes.ts': 1,
    'src/crypto/pkcs11-sessions.ts': 1,
    'src/first-run.ts': 1,
    'src/main.ts': 1,
    'src/cli/secret-source.ts': 1,
    'src/cli/import/look-at-secret.ts': 3,
    'src/cli/import/clauth-envelope.ts': 1,
    'src/proxy/secret-text.ts': 1,
    'src/proxy/matchers.ts': 2,
  },
  sightings: (tree) =>
    collect(tree, (node) => {
      const isProperty = ts.isPropertyAccessExpression(node) || ts.isPropertyAccessChain(node)
      if (isProperty && node.name.text === 'reveal') return 'reveals a secret'
      const byIndex = ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression)
      if (byIndex && (node.argumentExpression as ts.StringLiteralLike).text === 'reveal') return 'reveals a secret'
      return ts.isBindingElement(node) && (node.propertyName ?? node.name).getText() === 'reveal'
        ? 'reveals a secret'
        : undefined
    }),
})

export const noConsole = codeRule({
  name: 'no-console',
  allowed: {},
  sightings: (tree) =>
    collect(tree, (node) => (isGlobalUse(node, new Set(['console'])) ? 'uses console; use ground/log.ts' : undefined)),
})

/** A call, import or property of this name: `createDecipheriv(…)`, `crypto.createDecipheriv(…)`. Imports alone do not count. */
function isNamed(node: ts.Node, name: string): boolean {
  if (!ts.isIdentifier(node) || node.text !== name) return false
  return !ts.isImportSpecifier(node.parent) || node.parent.propertyName !== undefined
}

/** Whether this is the global of that name itself, also as `globalThis.name`, and not a property or a declaration. */
function isGlobalUse(node: ts.Node, names: ReadonlySet<string>): boolean {
  if (!ts.isIdentifier(node) || !names.has(node.text)) return false
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) return parent.expression.getText() === 'globalThis'
  if (ts.isTypeReferenceNode(parent) || ts.isTypeQueryNode(parent)) return false
  const declares = ts.isPropertyAssignment(parent) || ts.isMethodDeclaration(parent) || ts.isPropertySignature(parent)
  const members = ts.isMethodSignature(parent) || ts.isPropertyDeclaration(parent) || ts.isNamedTupleMember(parent)
  return !((declares || members) && parent.name === node)
}
