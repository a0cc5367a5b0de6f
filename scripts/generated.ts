// The files that are written from the code, as text: the reference of settings, the API description, the
// schema of service templates, the SDK's list of codes.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { exitCodeHelp } from '../src/cli/exit-codes.ts'
import { ruleSchema } from '../src/rules/rule-schema.ts'
import { serviceTemplateSchema } from '../src/services/template-schema.ts'
import { cliVariables } from '../src/settings.ts'
import { settingDocs } from '../src/settings-schema.ts'
import { sourceFiles } from './checks/source-files.ts'
import { problemCodes, problemCodesModule } from './problem-codes.ts'

const root = join(import.meta.dirname, '..')

/** Path in the repository → the text that must be there. */
export async function generated(): Promise<Map<string, string>> {
  const files = new Map([['docs/guides/configuration.md', configurationGuide()]])
  files.set('docs/service-template.schema.json', `${JSON.stringify(serviceTemplateSchema(), null, 2)}\n`)
  files.set('docs/rule.schema.json', `${JSON.stringify(ruleSchema(), null, 2)}\n`)
  files.set('sdk/src/errors/problem-codes.ts', problemCodesModule(problemCodes(sourceFiles(root, ['src/**/*.ts']))))
  const openApi = await openApiText()
  if (openApi !== undefined) files.set('docs/openapi.json', openApi)
  return files
}

async function openApiText(): Promise<string | undefined> {
  const source = join(root, 'src', 'openapi.ts')
  if (!existsSync(source)) return undefined
  const { openApiDocument } = await import(source)
  return `${JSON.stringify(await openApiDocument(), null, 2)}\n`
}

function configurationGuide(): string {
  const settings = settingDocs().map(
    ({ env, fallback, doc }) => `| \`${env}\` | ${fallback === '' ? '–' : `\`${fallback}\``} | ${doc} |`,
  )
  const variables = [...cliVariables].map(([name, doc]) => `| \`${name}\` | ${doc} |`)
  const codes = [...exitCodeHelp.matchAll(/^ *(\d+) +(.+)$/gm)].map(([, code, meaning]) => `| ${code} | ${meaning} |`)
  return `<!-- Written by \`npm run generate\`: the settings from src/settings-schema.ts, the text from scripts/generated.ts. Edit those, not this. -->

# Configuration

Everything has a default that works; a new home needs no setting at all. What is set comes from three places, the first wins:

1. the environment of the process,
2. the file given with \`claviger up --env-file FILE\`,
3. the file \`env\` in the home, which the first start writes as a commented example.

\`claviger config\` prints every setting with its value and where it came from (\`--json\` for programs). A setting that cannot be read
stops the start with exit code 78 and a line that names it. Settings are read once, at start. A variable whose name begins with
\`CLAVIGER_\` and is no setting is not an error; \`claviger doctor\` names it.

## Settings

| variable | default | what it does |
|---|---|---|
${settings.join('\n')}

An empty value means the default. On/off settings also take \`1\`/\`0\`, \`true\`/\`false\`, \`yes\`/\`no\`. \`CLAVIGER_LOG\` may also be asked for as
\`LOG_LEVEL\` (\`warning\`, \`verbose\` are understood) or \`DEBUG=*\`.

## Files of settings

\`\`\`sh
# a comment
CLAVIGER_PORT=4400
CLAVIGER_WITNESS_FILE="/mnt/other disk/claviger.witness"   # quotes where there are spaces
\`\`\`

Lines are \`NAME=value\`, values may be quoted: \`'as it is'\` or \`"with \\n, \\t, \\" and \\\\"\`. Nothing is expanded. A file is refused when it holds a name that
is no setting (mostly a typing error), a name twice, or **the name of a secret** (\`…_TOKEN\`, \`…_PASSPHRASE\`, \`…_KEY\`, \`…_SECRET\`,
\`…_PASSWORD\`), and when others may write to it. \`CLAVIGER_HOME\` cannot be set by the file inside that home.

## What the command line reads

These are no settings: the gateway never sees them, and a file of settings may not hold them.

| variable | what it is for |
|---|---|
${variables.join('\n')}

Secrets that a command takes (\`store\`, \`credential rotate\`, \`unseal\`, \`passphrase set\`, \`operator token reset\`) come by
\`--secret-env NAME\`, \`--secret-file FILE\`, \`--secret-stdin\`, or a prompt without echo on a terminal; never as an argument, where every process of the machine could read them.

## Exit codes

| code | meaning |
|---|---|
${codes.join('\n')}
`
}
