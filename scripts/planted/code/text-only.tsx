import { createElement } from 'react'
import { shownAction } from '../../../src/approvals/shown/show-action.ts' // planted
import type { Shown } from '../../../src/approvals/shown/shown.ts'

export function Planted({ words, rest }: { words: string; rest: object }) {
  document.body.innerHTML = words // planted
  document.body['outerHTML'] = words // planted
  document.write(words) // planted
  new DOMParser() // planted
  eval(words) // planted
  createElement('a', { href: 'javascript:alert(1)' }) // planted
  return (
    <p style={{ color: words }}> // planted
      <b dangerouslySetInnerHTML={{ __html: words }} /> // planted
      <iframe srcDoc={words} title="x" /> // planted
      <i {...rest} /> // planted
      {words}
    </p>
  )
}

export const fine = (shown: Shown) => [shown.title, shownAction, 'plain text']
