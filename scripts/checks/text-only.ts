// The operators' pages draw words of agents (THREATS K-06): as text, and in no way that could make them anything else.
import ts from 'typescript'
import { codeRule, collect } from './code-rule.ts'

const MAKES_MARKUP = new Set([
  'dangerouslySetInnerHTML',
  'innerHTML',
  'outerHTML',
  'insertAdjacentHTML',
  'setHTML',
  'setHTMLUnsafe',
  'parseFromString',
  'createContextualFragment',
  'DOMParser',
  'srcdoc',
  'srcDoc',
  'eval',
  'Function',
])
const DOCUMENT_WRITES = /^(?:window\.|globalThis\.)?document\.write(?:ln)?$/

export const textOnly = codeRule({
  name: 'text-only',
  places: ['console/src/**/*.{ts,tsx}'],
  ending: 'tsx',
  allowed: {},
  sightings: (tree) =>
    collect(tree, (node) => {
      if (ts.isIdentifier(node) && MAKES_MARKUP.has(node.text)) return `uses ${node.text}; words are drawn as text`
      if (ts.isPropertyAccessExpression(node) && DOCUMENT_WRITES.test(node.getText())) return 'writes into the document'
      if (ts.isStringLiteralLike(node) && MAKES_MARKUP.has(node.text))
        return `names ${node.text}; words are drawn as text`
      if (ts.isStringLiteralLike(node) && /^\s*(?:javascript:|vbscript:|data:\w+\/)/i.test(node.text))
        return 'makes a script of text'
      if (ts.isJsxAttribute(node) && node.name.getText() === 'style') return 'sets a style; the sheet has them'
      if (ts.isJsxSpreadAttribute(node)) return 'spreads attributes, and nobody sees which'
      return isCodeOfTheGateway(node) ? 'takes code of the gateway; types alone come from there' : undefined
    }),
})

function isCodeOfTheGateway(node: ts.Node): boolean {
  if (!ts.isImportDeclaration(node) || !ts.isStringLiteral(node.moduleSpecifier)) return false
  const fromGateway = /^(?:\.\.\/)+src\//.test(node.moduleSpecifier.text)
  return fromGateway && node.importClause?.phaseModifier !== ts.SyntaxKind.TypeKeyword
}
