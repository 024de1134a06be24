import './app.css'

import { mount } from 'svelte'

import App from './App.svelte'
import { readOptions } from './lib/options'
import { embeddedPage, loadPage } from './lib/page'

const target = document.getElementById('app')
if (target) {
  const first = embeddedPage(document) ?? (await loadPage(new URL(location.href)))
  mount(App, { target, props: { first, options: readOptions(location.search) } })
}
