import { render } from 'preact';
import { followServer } from './live-feed.ts';
import { Page } from './page.tsx';
import './styles/tokens.css';
import './styles/base.css';

const place = document.getElementById('page');
if (place !== null) render(<Page />, place);
followServer();
