"""Câu tiếng Việt về mô hình ngôn ngữ: văn bản thuần, chỉ dẫn, hội thoại."""

SENTENCES: dict[str, str] = {
    "scored_tokens": "perplexity tính trên mỗi token của bộ tách từ của mô hình, gồm mọi token của từng văn bản và token kết thúc",
    "scored_hidden": "perplexity tính trên mỗi token bị che (pseudo-perplexity), {share} mỗi văn bản, như nhau cho mọi mô hình có bộ tách từ này",
    "scored_replies": "perplexity tính trên mỗi token của câu trả lời theo bộ tách từ của mô hình, kể cả token kết thúc; mẫu hội thoại {template}",
    "scored_written": "perplexity tính trên mỗi token của câu trả lời, kể cả token kết thúc (mẫu hội thoại {template}); câu trả lời được viết ra chấm "
    "bằng sacrebleu (BLEU {bleu}; chrF {chrf}) và rouge-score",
    "fits_plain": "cột '{column}' chứa văn bản, ngoài ra không có gì khác để học",
    "plain_only_text": "{path}: mô hình hóa ngôn ngữ chỉ đọc một cột văn bản nên {option} '{column}' không có chỗ. Hãy bỏ đi, hoặc chọn --task khác",
    "data_cut_line": "{path}: văn bản thuần không có dòng trống nên mỗi dòng là một văn bản; data.cut cho phép chọn khác",
    "data_cut_paragraph": "{path}: văn bản thuần, các văn bản cách nhau bằng dòng trống; data.cut cho phép chọn khác",
    "data_cut_file": "{path} và các tệp khác trong thư mục là văn bản thuần, mỗi tệp là một văn bản; data.cut cho phép chọn khác",
    "lm_encoder_decoder": "{name}: '{kind}' gồm bộ mã hóa và bộ giải mã; loại này học từ văn bản thuần bằng cách điền các đoạn bị che, điều phiên bản này chưa làm. "
    "Hãy chọn mô hình nhân quả (GPT-2, Llama, Qwen) hoặc mô hình che từ (BERT, RoBERTa, ModernBERT)",
    "lm_no_output_layer": "{name}: được lưu dưới dạng {architecture}, thiếu lớp đoán từ, nên lớp đó sẽ bắt đầu bằng số ngẫu nhiên; "
    "hãy chọn bản có lớp này (…ForMaskedLM, …ForCausalLM)",
    "lm_other_kind": "{name}: task.objective_kind={asked}, nhưng mô hình này thuộc loại {found}; hãy bỏ task.objective_kind, hoặc chọn mô hình khác",
    "lm_no_mask": "{name}: bộ tách từ không có token che nên không che được gì; hãy tải lại mô hình cùng các tệp của bộ tách từ",
    "packing_unproven": "{name}: chưa chứng minh được rằng task.packing=true giữ các văn bản tách biệt ở mô hình loại '{kind}', chỉ mới với {proven}; hãy bỏ tùy chọn này, "
    "dù sao các văn bản dài gần bằng nhau cũng đã ở chung một lô",
    "nothing_to_learn": "{split}: trong {rows:,} hàng không còn token nào để học; hãy tăng task.max_length, hoặc xem lại dữ liệu",
    "lm_blocks_causal": "{split}: {tokens:,} token cần đoán, trong {rows:,} văn bản, cắt thành {pieces:,} khối dài nhất {max_length} token",
    "lm_blocks_masked": "{split}: {tokens:,} token bị che cần đoán, trong {rows:,} văn bản, cắt thành {pieces:,} khối dài nhất {max_length} token",
    "metric_perplexity": "perplexity (độ bối rối)",
    "metric_log_likelihood": "log xác suất mỗi token",
    "metric_foreseen_accuracy": "tỉ lệ đoán đúng token",
    "metric_bits_per_byte": "số bit mỗi byte",
    "report_metric_perplexity": "perplexity (độ bối rối)",
    "report_metric_log_likelihood": "log xác suất mỗi token",
    "report_metric_foreseen_accuracy": "tỉ lệ đoán đúng token",
    "report_metric_bits_per_byte": "số bit mỗi byte",
    "baseline_unigram": "tần suất của từng token",
    "baseline_untuned": "mô hình trước khi tinh chỉnh",
    "short_unigram": "unigram",
    "short_untuned": "chưa tinh chỉnh",
    "report_phase_untuned": "hỏi mô hình trước khi tinh chỉnh",
    # conversations
    "fits_replies": "có yêu cầu ở cột '{request}' và câu trả lời ở cột '{reply}', theo tên cột",
    "fits_conversations": "có các cuộc hội thoại ở cột '{column}', theo tên cột và nội dung",
    "sft_pair": "{path}: hội thoại không có văn bản thứ hai nên data.pair_column '{column}' không có chỗ. Cột tên `input` sẽ được đặt dưới yêu cầu",
    "sft_unclear": "{path}: trong các cột {columns}, cột nào chứa yêu cầu, cột nào chứa câu trả lời? Hãy chỉ rõ bằng data.text_column (yêu cầu, hoặc cả cuộc "
    "hội thoại) và data.label_column (câu trả lời)",
    "sft_unusable": "{path}: {count} trên {total} hàng có cuộc hội thoại không dùng được, cột '{column}' ({lines}). Hàng đầu tiên: {reason}. Hãy sửa các hàng này, hoặc xóa đi.",
    "sft_no_turn": "lượt {turn} không phải là lượt lời; mỗi lượt là {{role, content}} hoặc {{from, value}} chứa văn bản",
    "sft_role": "lượt {turn} là của '{role}', vai này không có; các vai đã biết là {roles}",
    "sft_empty": "lượt {turn} trống",
    "sft_empty_reply": "lượt {turn}, một câu trả lời, bị trống",
    "sft_system": "lượt {turn} là của hệ thống, vốn chỉ được nói đầu tiên",
    "sft_begins": "không có câu hỏi nào trước câu trả lời đầu tiên",
    "sft_twice": "lượt {turn} là của {role}, lượt ngay trước cũng vậy; hãy gộp hai lượt làm một, hoặc xóa một lượt",
    "sft_ends": "cuộc hội thoại kết thúc bằng lời người dùng nên không có câu trả lời để học hay để so sánh",
    "sft_encoder_decoder": "{name}: '{kind}' gồm bộ mã hóa và bộ giải mã, còn hội thoại chỉ cần bộ giải mã viết tiếp; hãy chạy với --task seq2seq, bài toán học viết "
    "văn bản từ văn bản",
    "sft_no_decoder": "{name}: được lưu dưới dạng {architecture}, vốn không viết văn bản; hãy chọn mô hình nhân quả (GPT-2, Llama, Qwen …ForCausalLM)",
    "sft_slow_tokenizer": "{name}: bộ tách từ không cho biết token nằm ở đâu trong văn bản nên không phân biệt được câu trả lời với yêu cầu; "
    "hãy chọn mô hình có bộ tách từ nhanh (tokenizer.json)",
    "template_none": "{name}: bộ tách từ không có mẫu hội thoại riêng; hãy chọn task.chat_template trong {names}, hoặc đưa đường dẫn đến một mẫu",
    "template_tokens": "{name}: bộ tách từ không có token {tokens}, thành phần của task.chat_template=chatml; hãy chọn plain hoặc alpaca",
    "template_unknown": "task.chat_template: '{given}' không thuộc {names}, cũng không phải tệp đọc được ({reason})",
    "template_changes": "task.chat_template: không viết câu trả lời '{reply}' đúng nguyên văn nên không biết phần nào cần học; phần cuối viết ra là '{written}'. "
    "Hãy chọn mẫu khác: plain, alpaca hoặc đường dẫn đến một mẫu",
    "sft_learned": "{split}: {learned:,} trên {tokens:,} token được tính vào hàm mất mát ({share:.0%}), trong {of_rows:,} hàng; xem từng token bằng: fewtune plan DATA --preview",
    "sft_cut": "{split}: {rows:,} trên {of_rows:,} cuộc hội thoại dài hơn {max_length} token nên bị cắt; mất {tokens_lost:,} token, trong đó {unlearned:,} token lẽ ra "
    "được tính vào hàm mất mát. Hãy tăng task.max_length nếu mô hình đọc được nhiều hơn",
    "sft_endless": "{split}: ở {rows:,} trên {of_rows:,} hàng, phần cuối của câu trả lời sau cùng bị cắt nên mô hình không học được cách dừng ở đó; hãy tăng task.max_length nếu "
    "mô hình đọc được nhiều hơn, hoặc bỏ các hàng này",
    "sft_nothing": "{split}: ở {rows:,} trên {of_rows:,} hàng, không còn token nào của câu trả lời trong {max_length} token nên không học được gì; hãy tăng "
    "task.max_length nếu mô hình đọc được nhiều hơn, hoặc đặt task.cut_from=left",
    "sft_boundary": "{split}: ở {rows:,} trên {of_rows:,} hàng, các token trước câu trả lời không giống các token của riêng yêu cầu; câu trả lời được coi là bắt đầu "
    "từ token đầu tiên chứa một chữ của nó",
    # preview, samples, chat
    "preview_none": "bài toán này học nhãn của hàng chứ không học token nên không có gì để tô màu",
    "preview_key": "Phần được tính vào hàm mất mát có nền xanh, khi không có màu thì nằm trong ⟦ngoặc⟧; phần còn lại chỉ được đọc.",
    "preview_row": "hàng {number}: {learned:,} trên {count:,} mảnh được tính vào hàm mất mát",
    "progress_sample": "{text} → {written}",
    "report_samples": "Mô hình viết gì ở mỗi lần đánh giá",
    "report_sample_text": "được hỏi",
    "report_sample_written": "viết ra",
    "chat_task": "mô hình này được tinh chỉnh cho '{task}', bài toán không viết câu trả lời; hãy chạy: fewtune predict RUN TEXT",
    "chat_empty": "không có gì ở đầu vào; hãy viết một tin nhắn",
    "chat_begin": "Hãy viết một tin nhắn. Dòng trống bắt đầu cuộc hội thoại mới, Ctrl-D (trên Windows là Ctrl-Z) để kết thúc.",
    "chat_anew": "Một cuộc hội thoại mới.",
    "chat_tuned": "đã tinh chỉnh:",
    "chat_base": "trước khi tinh chỉnh:",
}
