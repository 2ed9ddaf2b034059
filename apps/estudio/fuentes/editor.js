// CodeMirror 6 as the pages use it: `Editor.make({ parent, text, language, changed })`.

import { html } from '@codemirror/lang-html';
import { javascript } from '@codemirror/lang-javascript';
import { markdown } from '@codemirror/lang-markdown';
import { syntaxHighlighting } from '@codemirror/language';
import { Compartment, EditorState } from '@codemirror/state';
import { classHighlighter } from '@lezer/highlight';
import { EditorView, basicSetup } from 'codemirror';

const languages = { html, javascript, markdown };
const of = (name) => languages[name]?.() ?? [];

export function make({ parent, text, language, label, changed }) {
  const chosen = new Compartment();
  // Lines end as they came, or an untouched document would come back different.
  const ends = /\r\n/.test(text) && !/[^\r]\n/.test(text) ? '\r\n' : '\n';
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: text,
      extensions: [
        // Colours by class, so that the style sheet chooses them for light and dark.
        basicSetup, syntaxHighlighting(classHighlighter), chosen.of(of(language)), EditorView.lineWrapping, EditorState.lineSeparator.of(ends),
        EditorView.contentAttributes.of({ 'aria-label': label }),
        EditorView.updateListener.of((update) => { if (update.docChanged) changed(); }),
      ],
    }),
  });
  return {
    view,
    text: () => view.state.sliceDoc(),
    put: (all) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: view.state.toText(all) } }),
    language: (name) => view.dispatch({ effects: chosen.reconfigure(of(name)) }),
  };
}
